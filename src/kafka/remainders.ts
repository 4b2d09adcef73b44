/** What is left of a topic's partitions when all subscribers have the same number: some of them get one more. */
export interface Remainder {
  readonly subscribers: readonly string[];
  /** Who gets one more. */
  readonly holders: Set<string>;
  /** Who would give up a partition if it got none more. */
  readonly claimants: ReadonlySet<string>;
}

/** An edge of the graph: one of a remainder goes from a member to another, or a total changes (`undefined`). */
interface Edge {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly cost: number;
  readonly remainder?: Remainder;
}

/** The cheapest moves from a member to each other one. */
function movesFrom(from: string, remainders: readonly Remainder[]): Edge[] {
  const cheapest = new Map<string, Edge>();
  for (const remainder of remainders) {
    const { subscribers, holders, claimants } = remainder;
    if (!holders.has(from)) continue;
    for (const to of subscribers) {
      const cost = Number(claimants.has(from)) - Number(claimants.has(to));
      if (holders.has(to) || cost >= (cheapest.get(to)?.cost ?? Infinity)) continue;
      cheapest.set(to, { from, to, cost, remainder });
    }
  }
  return [...cheapest.values()];
}

function edges(remainders: readonly Remainder[], totals: ReadonlyMap<string, number>): Edge[] {
  // How the square of a total changes outweighs all that a cycle, which meets each member once, makes move.
  const weight = totals.size + 1;
  return [...totals].flatMap(([member, total]) => [
    { from: undefined, to: member, cost: weight * (1 - 2 * total) },
    { from: member, to: undefined, cost: weight * (1 + 2 * total) },
    ...movesFrom(member, remainders),
  ]);
}

/** A cycle of edges each of which is the last one of a path to where the next begins. */
function cycleIn(last: ReadonlyMap<string | undefined, Edge>): Edge[] | undefined {
  const seen = new Set<Edge>();
  for (const start of last.values()) {
    const path: Edge[] = [];
    let edge: Edge | undefined = start;
    for (; edge && !seen.has(edge); edge = last.get(edge.from)) {
      seen.add(edge);
      path.push(edge);
    }
    if (edge && path.includes(edge)) return path.slice(path.indexOf(edge));
  }
  return undefined;
}

/** A cycle whose costs are together below zero, by Bellman and Ford. It is looked for each round: most are short. */
function negativeCycle(graph: readonly Edge[]): Edge[] | undefined {
  const distances = new Map<string | undefined, number>();
  const distance = (node: string | undefined) => distances.get(node) ?? 0;
  const last = new Map<string | undefined, Edge>();
  for (let changed = true; changed;) {
    changed = false;
    for (const edge of graph) {
      const { from, to, cost } = edge;
      if (distance(from) + cost >= distance(to)) continue;
      distances.set(to, distance(from) + cost);
      last.set(to, edge);
      changed = true;
    }
    const cycle = cycleIn(last);
    if (cycle) return cycle;
  }
  return undefined;
}

/**
 * Changes who holds the remainders until no choice gives a smaller sum of squares of the totals, and none with the same
 * sum lets claimants keep more. It is a flow of least cost, found by cancelling cycles: moves between two members alone
 * would miss that one can pass on what it gets of another topic. Each cycle makes the cost smaller, so this ends.
 *
 * @param totals how many partitions each member has, of all topics
 * @returns the number of cycles
 */
export function balance(remainders: readonly Remainder[], totals: Map<string, number>): number {
  const add = (member: string, by: number) => totals.set(member, (totals.get(member) ?? 0) + by);
  for (let cycles = 0; ; cycles++) {
    const cycle = negativeCycle(edges(remainders, totals));
    if (!cycle) return cycles;
    for (const { from, to, remainder } of cycle) {
      if (!remainder || from === undefined || to === undefined) continue;
      remainder.holders.delete(from);
      remainder.holders.add(to);
      add(from, -1);
      add(to, 1);
    }
  }
}
