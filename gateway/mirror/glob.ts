/** A pattern of channel names, in which `*` stands for one segment and `**` for any number, also none. */
export class Glob {
  readonly #segments: readonly string[];
  /** What every name that it matches begins with. */
  readonly prefix: string;

  constructor(text: string) {
    this.#segments = text.split("/");
    const star = text.indexOf("*");
    const literal = star === -1 ? text : text.slice(0, star);
    // `a/**` matches `a` too.
    this.prefix = text.startsWith("**", star) ? literal.replace(/\/$/, "") : literal;
  }

  matches(channel: string): boolean {
    return matchSegments(channel.split("/"), this.#segments);
  }
}

function matchSegments(name: readonly string[], glob: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return name.length === 0;
  if (first === "**")
    return name.some((_, index) => matchSegments(name.slice(index), rest)) || matchSegments([], rest);
  const [segment, ...others] = name;
  return segment !== undefined && (first === "*" || first === segment) && matchSegments(others, rest);
}
