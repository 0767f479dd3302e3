// Which task comes next in the list from which somebody came.

/** The address after `current`; the first other one where it has left the list; null at its end. */
export function nextOf(addresses: string[], current: string): string | null {
  const at = addresses.indexOf(current);
  const rest = at < 0 ? addresses : addresses.slice(at + 1);
  return rest.find((it) => it !== current) ?? (at > 0 ? addresses[0]! : null);
}
