// The server's sentences: what it sets between backquotes is code.
export function Words({ text }: { text: string }) {
  const pieces = text.split("`");
  // One that has no partner is just a character.
  if (pieces.length % 2 === 0) return <>{text}</>;
  return <>{pieces.map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece))}</>;
}
