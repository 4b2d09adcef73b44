// Ways that are compared run one after the other, again and again, so that what else the machine does meets all of them.

/** What one run of a way found: figures by their names (scripts/bench/figures.ts). */
export type Sample = Readonly<Record<string, number>>;

export interface Way {
  readonly name: string;
  /** Of what there is more from one way to the next, where the ways differ in nothing else. */
  readonly size?: number;
  readonly run: () => Promise<Sample>;
}

/** One figure of all rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly values: number[];
}

export interface Measured {
  readonly name: string;
  readonly size?: number;
  readonly figures: Record<string, Spread>;
}

/** The value in the middle, or the mean of the two there; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [below = NaN, above = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (below + above) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values), values: [...values] };
}

/**
 * Runs each way once a round.
 *
 * @param options how many rounds; what tells of each run
 */
export async function measure(
  ways: readonly Way[],
  { rounds, tell }: { rounds: number; tell: (round: number, name: string, sample: Sample) => void },
): Promise<Measured[]> {
  const found = ways.map(({ name, size, run }) => ({ name, size, run, samples: new Array<Sample>() }));
  for (let round = 1; round <= rounds; round++) {
    for (const { name, run, samples } of found) {
      const sample = await run();
      samples.push(sample);
      tell(round, name, sample);
    }
  }
  return found.map(({ name, size, samples }) => {
    const names = Object.keys(samples[0] ?? {});
    const figures = names.map((figure) => [figure, spreadOf(samples.map((sample) => sample[figure] ?? NaN))] as const);
    return { name, ...(size === undefined ? {} : { size }), figures: Object.fromEntries(figures) };
  });
}
