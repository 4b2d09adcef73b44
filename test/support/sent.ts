import { Session } from '../../src/postgres/session.js';

/** What sessions sent meanwhile: one number a call, of the statements in it; 0 stands for a transaction begun by itself. */
export async function sentBy(work: () => Promise<unknown>): Promise<number[]> {
  const sent: number[] = [];
  const count = { run: () => 1, query: () => 1, transaction: () => 0, together: (all: unknown) => (Array.isArray(all) ? all.length : 0) }; // prettier-ignore
  const originals = Object.entries(count).map(([name, of]) => ({ name, of, original: Reflect.get(Session.prototype, name) as () => unknown })); // prettier-ignore
  for (const { name, of, original } of originals) {
    Reflect.set(Session.prototype, name, function (this: Session, ...given: unknown[]): unknown {
      if (name !== 'together' || of(given[0]) > 0) sent.push(of(given[0]));
      return Reflect.apply(original, this, given) as unknown;
    });
  }
  try {
    await work();
  } finally {
    for (const { name, original } of originals) Reflect.set(Session.prototype, name, original);
  }
  return sent;
}
