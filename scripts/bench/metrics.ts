// What a running dbw says of itself, read as a monitoring system would.

function buckets(text: string, name: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const [, bound = '', count = ''] of text.matchAll(
    new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)`, 'gm'),
  )) {
    found.set(bound === '+Inf' ? Infinity : Number(bound), Number(count));
  }
  return found;
}

/**
 * The bound of a histogram's bucket below which a share of the values are that came between two scrapes.
 *
 * @param share 0.99 for the 99th percentile
 */
export function quantile(before: string, after: string, name: string, share: number): number {
  const [earlier, later] = [buckets(before, name), buckets(after, name)];
  const counts = [...later].map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)] as const);
  const total = Math.max(0, ...counts.map(([, count]) => count));
  return counts.sort(([a], [b]) => a - b).find(([, count]) => count >= share * total)?.[0] ?? NaN;
}
