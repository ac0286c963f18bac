/**
 * The candidate that was probably meant by `word`, for "did you mean": the nearest one that takes at
 * most two insertions, deletions, replacements or swaps of neighbours, or that begins with `word`.
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    // "ab" is within two edits of every other two-letter word: that is no suggestion.
    if (edits < least && edits < candidate.length) {
      best = candidate;
      least = edits;
    }
  }
  return best ?? (word === "" ? undefined : candidates.find((name) => name.startsWith(word)));
}

/** The Damerau-Levenshtein distance (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, (before[column - 2] ?? edits) + 1);
      }
      line.push(edits);
    }
    before = above;
    above = line;
  }
  return above[b.length] ?? 0;
}
