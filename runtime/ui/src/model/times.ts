// Instants and durations in words. `now` is always given: what ticks is drawn anew by who shows it.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds between two instants, at least 0; null where one is missing. */
export function between(from: string | null | undefined, to: string | null | undefined): number | null {
  if (!from || !to) return null;
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** `840 ms`, `1.4 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`. */
export function duration(ms: number): string {
  if (ms < SECOND) return ms > 0 && ms < 10 ? `${rounded(ms, 1)} ms` : `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${rounded(ms / SECOND, 1)} s`;
  return long(ms);
}

/** For what ticks: whole seconds. */
export function countdown(ms: number): string {
  return ms < MINUTE ? `${Math.max(0, Math.ceil(ms / SECOND))} s` : long(ms);
}

function long(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  const units: [number, string][] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const first = units.findIndex(([size]) => ms >= size);
  const [size, name] = units[first]!;
  const second = units[first + 1];
  const whole = Math.floor(ms / size);
  const rest = second ? Math.floor((ms % size) / second[0]) : 0;
  return rest > 0 && second ? `${whole} ${name} ${rest} ${second[1]}` : `${whole} ${name}`;
}

const rounded = (value: number, digits: number) => String(Number(value.toFixed(digits)));

const FAR: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["day", DAY],
];

const farAway = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** `in 12 s`, `3 min ago`, `just now`, `in 30 days`. */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  if (Number.isNaN(ms)) return at;
  // What is days away is rounded: a key made for 30 days ends in 30 days.
  const far = FAR.find(([, size]) => Math.abs(ms) >= size);
  if (far) return farAway.format(Math.round(ms / far[1]), far[0]);
  if (ms > 0) return `in ${countdown(ms)}`;
  if (ms > -SECOND * 5) return "just now";
  // The past is told by its largest unit alone.
  const past = -ms;
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s ago`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  return `${Math.floor(past / HOUR)} h ago`;
}

/** How often what shows `at` has to be drawn anew, in milliseconds. */
export function tickFor(at: string, now: number): number {
  const away = Math.abs(Date.parse(at) - now);
  if (away < MINUTE) return SECOND;
  // Of what is to come seconds are shown for an hour.
  return away < HOUR && Date.parse(at) > now ? SECOND : MINUTE / 2;
}

/** Microseconds, as timings have them. */
export function micros(us: number): string {
  if (us < 1000) return `${us} µs`;
  return us < 100_000 ? `${rounded(us / 1000, 1)} ms` : duration(us / 1000);
}

/** An instant as `datetime-local` has it, in the reader's zone, to the minute; the empty text for none. */
export function toLocal(at: string | undefined): string {
  const date = new Date(at ?? "");
  if (Number.isNaN(date.getTime())) return "";
  const two = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** And back. */
export function fromLocal(text: string): string | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** An instant in the reader's own words and zone, to the second. */
export function instant(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The same, short: of today the time alone, of this year without the year. */
export function shortInstant(at: string, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const today = new Date(now);
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  if (date.toDateString() === today.toDateString()) return date.toLocaleTimeString(undefined, time);
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  if (date.getFullYear() !== today.getFullYear()) day.year = "numeric";
  return date.toLocaleString(undefined, day);
}
