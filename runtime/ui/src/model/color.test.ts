import { expect, test } from "vitest";
import { COLORS, fillColors, luminance } from "./color";

test("text on every named colour, and on any other, can be read", () => {
  const others = ["#000000", "#ffffff", "#777777", "#ff0000", "#00ff00", "#0000ff", "#e8b923"];
  for (const name of [...COLORS, ...others, undefined]) {
    const { background, color } = fillColors(name);
    const [light, dark] = [luminance(background), luminance(color)].sort((a, b) => b - a) as [number, number];
    expect((light + 0.05) / (dark + 0.05), `${name}`).toBeGreaterThanOrEqual(4.5);
  }
});
