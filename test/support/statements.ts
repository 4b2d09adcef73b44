import { Session } from '../../src/postgres/session.js';

/** How many statements sessions ran meanwhile; beginning and end of transactions apart. */
export async function countStatements(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const originals = (['run', 'query', 'together'] as const).map(
    (name) => [name, Reflect.get(Session.prototype, name)] as const,
  );
  for (const [name, original] of originals) {
    Reflect.set(Session.prototype, name, function (this: Session, ...given: unknown[]): unknown {
      count += name === 'together' && Array.isArray(given[0]) ? given[0].length : 1;
      const result: unknown = Reflect.apply(original, this, given);
      return result;
    });
  }
  try {
    await work();
  } finally {
    for (const [name, original] of originals) Reflect.set(Session.prototype, name, original);
  }
  return count;
}
