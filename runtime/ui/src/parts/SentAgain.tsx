// What is to be known before a call is sent again of which nobody knows whether it took effect.
import { Notice } from "./States";

export function SentAgain() {
  return <Notice kind="warn">The call was sent and may have taken effect. It is sent again with the same webhook-id, by which a receiver can tell that it is the same.</Notice>;
}
