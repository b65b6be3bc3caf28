/** What was perhaps meant: the nearest of the words there are, where one is near enough to be a slip of the hand. */
export function suggest(word: string, words: readonly string[]): string | undefined {
  const nearest = words
    .map((known) => ({ known, distance: editDistance(word.toLowerCase(), known.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined) return undefined;
  const isNear = nearest.distance <= Math.max(1, Math.floor(nearest.known.length / 3));
  const isBeginning = word.length >= 3 && nearest.known.startsWith(word);
  if (isNear || isBeginning) return nearest.known;
  return words.find((known) => word.length >= 3 && known.startsWith(word));
}

/** " Did you mean 'sub'?", or nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const meant = suggest(word, words);
  return meant === undefined ? "" : ` Did you mean '${meant}'?`;
}

/** Damerau and Levenshtein's distance, with swaps of neighbours: the slip that hands make most. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_unused, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, at(i - 2, j - 2) + 1);
      (rows[i] as number[])[j] = cost;
    }
  }
  return at(a.length, b.length);
}
