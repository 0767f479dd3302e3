// Secrets: what one may be called, what its value may be, and where it comes from, in words.

export const NAME_CHARS_MAX = 64;
export const VALUE_CHARS_MIN = 6;
export const VALUE_CHARS_MAX = 16 * 1024;

export function nameProblem(name: string): string | undefined {
  if (!name) return undefined;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return "A name has letters, digits and _, and does not begin with a digit.";
  return name.length > NAME_CHARS_MAX ? `A name has at most ${NAME_CHARS_MAX} characters.` : undefined;
}

export function valueProblem(value: string): string | undefined {
  const count = [...value].length;
  if (count === 0) return undefined;
  if (count < VALUE_CHARS_MIN) return `A secret has at least ${VALUE_CHARS_MIN} characters.`;
  return count > VALUE_CHARS_MAX ? `A secret has at most ${VALUE_CHARS_MAX} characters.` : undefined;
}

/** Who changes it, by where it comes from. */
export function remedy(source: string): string {
  return source === "environment"
    ? "It comes from the server's environment: change its ONWARD_SECRET_ variable and start the server again."
    : "It comes from a file in the server's secrets folder: change that file.";
}

/** How a step refers to it. */
export const reference = (name: string) => `{{secrets.${name}}}`;
