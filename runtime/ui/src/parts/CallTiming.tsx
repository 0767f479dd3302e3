// How long each part of a call took: a bar of its phases, the first byte and the whole.
import { type Timing } from "../model/runs/record";
import { micros } from "../model/times";
import { phases } from "../model/runs/phases";
import styles from "./CallTiming.module.css";

export function CallTiming({ timing, sent, received }: { timing: Timing | undefined; sent: string; received: string }) {
  if (!timing) return <span />;
  const parts = phases(timing);
  return (
    <div className={styles.timing}>
      {parts.length > 1 && (
        <div className={styles.bar} aria-hidden>
          {parts.map((part) => (
            <span key={part.id} className={styles[part.id]} style={{ flexGrow: Math.max(part.us, timing.total / 100) }} title={`${part.name}: ${micros(part.us)}`} />
          ))}
        </div>
      )}
      <dl className={styles.numbers}>
        {parts.map((part) => (
          <div key={part.id}>
            <dt>
              <i className={styles[part.id]} aria-hidden />
              {part.name}
            </dt>
            <dd>{micros(part.us)}</dd>
          </div>
        ))}
      </dl>
      <dl className={`${styles.numbers} ${styles.sums}`}>
        <div>
          <dt>First byte</dt>
          <dd>{timing.firstByte === undefined ? "never" : micros(timing.firstByte)}</dd>
        </div>
        <div>
          <dt>Total</dt>
          <dd>{micros(timing.total)}</dd>
        </div>
        <div>
          <dt>Sent</dt>
          <dd>{sent}</dd>
        </div>
        <div>
          <dt>Received</dt>
          <dd>{received}</dd>
        </div>
      </dl>
    </div>
  );
}
