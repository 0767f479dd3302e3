// Instants and durations that go on while one looks at them.
import { useEffect, useState } from "react";
import { countdown, duration, instant, relative, shortInstant, tickFor } from "../model/times";

/** The present, drawn anew every so many milliseconds; null: it stands still. */
export function useNow(every: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (every === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** An instant, as far from now as it is: `3 min ago`, `in 12 s`. The whole of it is its tooltip. */
export function Ago({ at }: { at: string }) {
  const [every, setEvery] = useState(1000);
  const now = useNow(every);
  const wanted = tickFor(at, now);
  if (wanted !== every) setEvery(wanted);
  return (
    <time dateTime={at} title={instant(at)}>
      {relative(at, now)}
    </time>
  );
}

/** An instant by the clock. The whole of it is its tooltip. */
export function At({ at, whole = false }: { at: string; whole?: boolean }) {
  return (
    <time dateTime={at} title={instant(at)}>
      {whole ? instant(at) : shortInstant(at, Date.now())}
    </time>
  );
}

/** How long it still is: `12 s`; what `over` says once it is over. */
export function Left({ until, over = "now" }: { until: string; over?: string }) {
  const left = Date.parse(until) - useNow(250);
  return (
    <time dateTime={until} title={instant(until)}>
      {left > 0 ? countdown(left) : over}
    </time>
  );
}

/** How long something has taken; it goes on without an end. */
export function Took({ from, to }: { from: string; to: string | null }) {
  const now = useNow(to === null ? 500 : null);
  const end = to === null ? now : Date.parse(to);
  const ms = Math.max(0, end - Date.parse(from));
  return <>{to === null ? countdown(ms) : duration(ms)}</>;
}
