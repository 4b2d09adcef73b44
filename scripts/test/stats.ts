/** What became of the tests of one process. */
export interface Stats {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

export function isStats(value: unknown): value is Stats {
  return typeof value === 'object' && value !== null && 'passes' in value && 'failures' in value && 'pending' in value;
}
