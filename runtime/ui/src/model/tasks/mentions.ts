// Who is mentioned in a comment: `@First Last` of somebody who is known.

export interface Part {
  text: string;
  isMention: boolean;
}

/** A comment in parts, those that mention somebody apart. */
export function mentionsOf(body: string, names: string[]): Part[] {
  // The longest first: `@Ada Lovelace` is not `@Ada`.
  const known = [...names].filter(Boolean).sort((a, b) => b.length - a.length);
  if (known.length === 0) return [{ text: body, isMention: false }];
  const escaped = known.map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+"));
  const mention = new RegExp(`(@(?:${escaped.join("|")})(?![\\p{L}\\p{N}]))`, "giu");
  return body
    .split(mention)
    .map((text, index) => ({ text, isMention: index % 2 === 1 }))
    .filter((it) => it.text !== "");
}
