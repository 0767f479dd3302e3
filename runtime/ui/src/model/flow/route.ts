// How an arrow goes from one box to another: with few bends, and round what stands between.
import type { Position } from "./document";

/** A node: its middle and its size. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Between an arrow's head and what it leads to. */
const GAP = 3;
/** How far from in line two things still count as in line. */
const IN_LINE = 5;
/** What an arrow keeps from what it passes. */
const CLEAR = 10;
/** How far an arrow goes out that comes back to the same side. */
const OUT = 30;
const RADIUS = 10;
/** How close to a box an arrow may turn, with room for its head. */
const NEAR = 20;

type Points = Position[];

const left = (box: Box) => box.x - box.width / 2;
const right = (box: Box) => box.x + box.width / 2;
const top = (box: Box) => box.y - box.height / 2;
const bottom = (box: Box) => box.y + box.height / 2;

/** The ways that there are, the plainest first. */
function ways(a: Box, b: Box): Points[] {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const down = dy > 0;
  const isApart = Math.abs(dy) > (a.height + b.height) / 2 + 8;
  const isBeside = Math.abs(dx) > (a.width + b.width) / 2 + 8;
  const [leaveY, enterY] = down ? [bottom(a), top(b) - GAP] : [top(a), bottom(b) + GAP];
  const [leaveX, enterX] = dx > 0 ? [right(a), left(b) - GAP] : [left(a), right(b) + GAP];
  const found: Points[] = [];
  if (isApart && Math.abs(dx) < IN_LINE) found.push([[a.x, leaveY], [a.x, enterY]]);
  if (isBeside && Math.abs(dy) < IN_LINE) found.push([[leaveX, a.y], [enterX, a.y]]);
  // Across in the middle, or close to one of the two.
  const between = (from: number, to: number) => [(from + to) / 2, from + Math.sign(to - from) * NEAR, to - Math.sign(to - from) * NEAR];
  if (isApart && Math.abs(dx) >= IN_LINE) for (const y of between(leaveY, enterY)) found.push([[a.x, leaveY], [a.x, y], [b.x, y], [b.x, enterY]]);
  // Out at the side and in from above, or down and in at the side.
  if (isApart && Math.abs(dx) > a.width / 2 + RADIUS) found.push([[leaveX, a.y], [b.x, a.y], [b.x, enterY]]);
  if (isApart && Math.abs(dx) > b.width / 2 + RADIUS) found.push([[a.x, leaveY], [a.x, b.y], [enterX, b.y]]);
  if (isBeside) for (const x of between(leaveX, enterX)) found.push([[leaveX, a.y], [x, a.y], [x, b.y], [enterX, b.y]]);
  const farRight = Math.max(right(a), right(b)) + OUT;
  const farLeft = Math.min(left(a), left(b)) - OUT;
  for (let wider = 0; wider < 4; wider++) {
    const more = wider * 70;
    found.push([[right(a), a.y], [farRight + more, a.y], [farRight + more, b.y], [right(b) + GAP, b.y]]);
    found.push([[left(a), a.y], [farLeft - more, a.y], [farLeft - more, b.y], [left(b) - GAP, b.y]]);
  }
  return found;
}

function hits([x1, y1]: Position, [x2, y2]: Position, box: Box): boolean {
  return Math.max(x1, x2) > left(box) - CLEAR && Math.min(x1, x2) < right(box) + CLEAR && Math.max(y1, y2) > top(box) - CLEAR && Math.min(y1, y2) < bottom(box) + CLEAR;
}

function cost(points: Points, others: Box[]): number {
  let sum = (points.length - 2) * 12;
  for (let at = 1; at < points.length; at++) {
    const [from, to] = [points[at - 1]!, points[at]!];
    sum += (Math.abs(from[0] - to[0]) + Math.abs(from[1] - to[1])) / 12;
    for (const box of others) if (hits(from, to, box)) sum += 1000;
  }
  return sum;
}

/** The points of an arrow between two boxes; `others` are those that it should not cross. */
export function route(from: Box, to: Box, others: Box[]): Points {
  let best: Points = [[from.x, from.y], [to.x, to.y]];
  let least = Number.POSITIVE_INFINITY;
  for (const points of ways(from, to)) {
    const its = cost(points, others);
    if (its < least) [best, least] = [points, its];
  }
  return best;
}

/** An SVG path through points, with its corners rounded. */
export function pathThrough(points: Points): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const pieces = [`M${first[0]},${first[1]}`];
  rest.forEach((point, at) => {
    const before = points[at]!;
    const after = rest[at + 1];
    if (!after) return pieces.push(`L${point[0]},${point[1]}`);
    const near = towards(point, before);
    const far = towards(point, after);
    return pieces.push(`L${near[0]},${near[1]}Q${point[0]},${point[1]} ${far[0]},${far[1]}`);
  });
  return pieces.join("");
}

/** A little way from a corner towards another point. */
function towards([x, y]: Position, [toX, toY]: Position): Position {
  const length = Math.hypot(toX - x, toY - y);
  const part = length === 0 ? 0 : Math.min(RADIUS, length / 2) / length;
  return [x + (toX - x) * part, y + (toY - y) * part];
}
