// Ways that are compared run one after the other, again and again, so that what else the machine does meets all of them.

export interface Measured {
  readonly name: string;
  /** The median of the rounds, in events a second. */
  readonly perSecond: number;
  readonly least: number;
  readonly most: number;
  /** The median rate as a share of that of the first way. */
  readonly ofFirst: number;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/**
 * @param ways each resolves with its rate, in events a second
 * @param options how many rounds; what tells of each
 */
export async function measure(
  ways: ReadonlyMap<string, () => Promise<number>>,
  { rounds, report }: { rounds: number; report: (line: string) => void },
): Promise<Measured[]> {
  const rates = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const [name, way] of ways) {
      const perSecond = await way();
      rates.set(name, [...(rates.get(name) ?? []), perSecond]);
      report(`round ${round}: ${name}: ${Math.round(perSecond).toLocaleString('en-US')} events/s`);
    }
  }
  const first = median([...rates.values()][0] ?? []);
  return [...rates].map(([name, found]) => ({
    name,
    perSecond: median(found),
    least: Math.min(...found),
    most: Math.max(...found),
    ofFirst: median(found) / first,
  }));
}
