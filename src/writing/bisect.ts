/** One of many for which the work fails, also alone. */
export interface Guilty<T> {
  readonly item: T;
  readonly error: unknown;
}

export interface Bisected<T, R> {
  /** What the work returned for each group for which it succeeded. */
  readonly done: readonly R[];
  readonly guilty: readonly Guilty<T>[];
}

function halves<T>(items: readonly T[]): [readonly T[], readonly T[]] {
  const half = items.length >> 1;
  return [items.slice(0, half), items.slice(half)];
}

/** The groups to begin with where it is known that the work fails for all together. */
export function divided<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.length > 1 ? halves(items) : [items];
}

/**
 * Does work for groups of items, one after the other. A group for which it fails is halved until the guilty stand alone:
 * k guilty of n cost at most about 2 k log₂ n tries.
 *
 * @param work leaves nothing behind where it throws
 * @param divides whether an error may be one item's; any other ends the whole
 */
export async function bisect<T, R>(
  groups: readonly (readonly T[])[],
  work: (group: readonly T[]) => Promise<R>,
  divides: (error: unknown, group: readonly T[]) => boolean,
): Promise<Bisected<T, R>> {
  const done: R[] = [];
  const guilty: Guilty<T>[] = [];
  const left = groups.filter((group) => group.length > 0).reverse();
  for (let group = left.pop(); group; group = left.pop()) {
    try {
      done.push(await work(group));
    } catch (error) {
      if (!divides(error, group)) throw error;
      const [item] = group;
      if (group.length > 1) left.push(...halves(group).reverse());
      else if (item !== undefined) guilty.push({ item, error });
    }
  }
  return { done, guilty };
}
