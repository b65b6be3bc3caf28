/** Whether a word is a pattern of channels, and no channel's name. */
export function isGlob(word: string): boolean {
  return word.includes("*");
}

/** Whether a channel's name matches: `*` is one segment, `**` any number of them, none included. */
export function matchesGlob(name: string, glob: string): boolean {
  return matches(name.split("/"), glob.split("/"));
}

function matches(name: readonly string[], glob: readonly string[]): boolean {
  const [part, ...rest] = glob;
  if (part === undefined) return name.length === 0;
  if (part !== "**")
    return name.length > 0 && (part === "*" || part === name[0]) && matches(name.slice(1), rest);
  // A name has at most eight segments.
  return Array.from({ length: name.length + 1 }, (_, skipped) => name.slice(skipped)).some((left) =>
    matches(left, rest),
  );
}

/** What every name that matches begins with: without the slash, since `demo/**` matches `demo` too. */
export function prefixOf(glob: string): string {
  return glob.slice(0, glob.indexOf("*")).replace(/\/$/, "");
}
