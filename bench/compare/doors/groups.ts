/** Cuts a list into groups of at most so many, as equal as can be. */
export function toGroups<T>(items: readonly T[], most: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * items.length) / count);
    return items.slice(from, Math.floor(((index + 1) * items.length) / count));
  });
}
