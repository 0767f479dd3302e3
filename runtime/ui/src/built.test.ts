// What is checked in and embedded: how much a first visit fetches, and what it must not.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";

/** What a first load may weigh, in bytes as they are sent. */
const FIRST_LOAD_MAX = 250_000;

const built = (file: string) => readFileSync(new URL(`../built/${file}`, import.meta.url));
const page = built("index.html").toString();
const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((found) => found[1]!);

describe("the built UI", () => {
  test("a first load is small", () => {
    const weights = ["index.html", ...first].map((file) => [file, gzipSync(built(file)).length] as const);
    const sum = weights.reduce((all, [, weight]) => all + weight, 0);
    expect(first.length).toBeGreaterThan(1);
    expect(sum, JSON.stringify(weights)).toBeLessThanOrEqual(FIRST_LOAD_MAX);
  });

  test("the canvas is in chunks of its own", () => {
    const holdsCanvas = (file: string) => built(file).includes("react-flow__");
    expect(first.filter(holdsCanvas)).toEqual([]);
    expect(readdirSync(new URL("../built/assets", import.meta.url)).filter((file) => holdsCanvas(`assets/${file}`))).not.toEqual([]);
  });

  test("the page runs no script of its own text", () => {
    expect([...page.matchAll(/<script(?![^>]*\ssrc=)/g)]).toEqual([]);
  });
});
