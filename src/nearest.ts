/** How many letters must be put in, left out, replaced or swapped with their neighbour to make one word of another. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? 0;
}

/** The word that was probably meant: the nearest one, where that is near enough; a beginning of one word counts too. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  const wanted = typed.toLowerCase();
  const beginnings = wanted.length >= 3 ? words.filter((word) => word.toLowerCase().startsWith(wanted)) : [];
  const far = (word: string) => distance(wanted, word.toLowerCase());
  const [best] = [...words].sort((a, b) => far(a) - far(b));
  if (best !== undefined && far(best) <= Math.max(1, Math.floor(Math.min(wanted.length, best.length) / 3))) return best;
  return beginnings.length === 1 ? beginnings[0] : undefined;
}
