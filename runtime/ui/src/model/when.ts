// When something ends, in words: to the day where that is far away.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "in 7 days", "5 minutes ago"; by its largest unit alone, rounded: a key made for 30 days ends in 30 days. */
export function fromNow(instant: string, now: number = Date.now()): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  const found = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  if (!found) return "just now";
  const [unit, length] = found;
  return relative.format(Math.round(seconds / length), unit);
}

/** An instant to the minute, in the reader's own time zone. */
export function toTheMinute(instant: string): string {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
