// Arrows: straight in line, round what stands between; and a free place for what is new.
import { expect, test } from "vitest";
import { NODE_HEIGHT, nodeWidth, shownAt, spotNear } from "./layout";
import { type Box, pathThrough, route } from "./route";
import { sample } from "./sample";

const box = (x: number, y: number): Box => ({ x, y, width: 100, height: 40 });

test("an arrow goes straight down between two boxes in line, and sideways beside one another", () => {
  expect(route(box(0, 0), box(0, 100), [])).toEqual([[0, 20], [0, 77]]);
  expect(route(box(0, 0), box(200, 0), [])).toEqual([[50, 0], [147, 0]]);
  expect(route(box(0, 100), box(0, 0), [])).toEqual([[0, 80], [0, 23]]);
});

test("an arrow goes round what stands between", () => {
  const points = route(box(0, 0), box(0, 200), [box(0, 100)]);
  expect(points).toHaveLength(4);
  expect(points[1]![0]).toBeGreaterThan(50);
  // To another column, out at the side: what is below is not crossed.
  expect(route(box(0, 0), box(200, 200), [box(0, 60)])).toEqual([[50, 0], [200, 0], [200, 177]]);
});

test("an arrow turns early where it would cross something in the middle", () => {
  const points = route(box(0, 0), box(260, 200), [box(0, 76), box(150, 0), box(110, 120)]);
  expect(points).toEqual([[0, 20], [0, 40], [260, 40], [260, 177]]);
});

test("corners are rounded", () => {
  expect(pathThrough([[0, 0], [100, 0], [100, 50]])).toBe("M0,0L90,0Q100,0 100,10L100,50");
  expect(pathThrough([[0, 0], [10, 0]])).toBe("M0,0L10,0");
  expect(pathThrough([])).toBe("");
});

test("what is new stands where nothing else is", () => {
  const positions = shownAt(sample);
  const [x, y] = spotNear(sample, positions.get("stage:in-progress")!, "Move to Done");
  for (const [id, [a, b]] of positions) {
    const name = [...sample.stages!, ...sample.actions!].find((it) => id.endsWith(`:${it.id}`))!.name;
    const isClear = Math.abs(a - x) >= (nodeWidth(name) + nodeWidth("Move to Done")) / 2 || Math.abs(b - y) >= NODE_HEIGHT;
    expect(isClear, id).toBe(true);
  }
  expect(spotNear(sample, [5000, 5000], "Far")).toEqual([5000, 5000]);
});
