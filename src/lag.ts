import type { Position } from './offsets.js';

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}:${partition}`;
}

/** How far behind the ends of its partitions this process is, in events. */
export class Lag {
  private readonly ends = new Map<string, number>();
  private readonly positions = new Map<string, number>();

  /** Partitions were assigned anew. */
  reset(): void {
    this.ends.clear();
    this.positions.clear();
  }

  /** The ends of partitions, as the broker told them. */
  sawEnd(ends: readonly Position[]): void {
    for (const end of ends) this.ends.set(nameOf(end), Math.max(end.next, this.ends.get(nameOf(end)) ?? 0));
  }

  /** Positions that are finished, or where reading began. */
  reached(positions: readonly Position[]): void {
    for (const position of positions) this.positions.set(nameOf(position), position.next);
  }

  /** Events between the positions and the ends. */
  get events(): number {
    let lag = 0;
    for (const [name, end] of this.ends) lag += Math.max(0, end - (this.positions.get(name) ?? end));
    return lag;
  }
}
