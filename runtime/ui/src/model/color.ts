// Colours of stages and actions: a name, or #rrggbb, as a workflow file has them.

/** What a colour says where it marks a state. */
export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";

export const COLORS = ["gray", "blue", "green", "yellow", "orange", "red", "purple", "pink", "teal"] as const;

/** What a colour is where text stands on it: the same in light and dark. */
const FILLS: Record<string, string> = {
  gray: "#5d6673",
  blue: "#2f6fd6",
  green: "#1f8049",
  yellow: "#e8b923",
  orange: "#e8822a",
  red: "#c53a33",
  purple: "#7a4bc4",
  pink: "#c23b7c",
  teal: "#157f7f",
};

const DARK = "#000000";

/** The colour of a dot or a line. */
export function dotColor(color: string | undefined): string {
  if (color === undefined) return "var(--color-gray)";
  return color.startsWith("#") ? color : `var(--color-${color})`;
}

/** The colour of a surface with text on it, and of that text: at least 4.5:1 apart. */
export function fillColors(color: string | undefined): { background: string; color: string } {
  const background = color?.startsWith("#") ? color : (FILLS[color ?? "gray"] ?? FILLS.gray!);
  const light = luminance(background);
  // Whichever is farther away; with black as the other one, one of them always is far enough.
  const onWhite = 1.05 / (light + 0.05);
  const onDark = (light + 0.05) / (luminance(DARK) + 0.05);
  return { background, color: onWhite >= onDark ? "#ffffff" : DARK };
}

/** The relative luminance of #rrggbb, as WCAG 2 defines it: 0 to 1. */
export function luminance(hex: string): number {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}
