import { setTimeout as sleep } from 'node:timers/promises';
import { sortOf, victimOf, type Fault, type Manner, type Planned, type ServerName } from './plan.js';
import type { Stage } from './stage.js';
import type { Writers } from './writers.js';

/** PostgreSQL's names; a broker and Redis know one way to end at once. */
const SIGNALS: Readonly<Record<Manner, NodeJS.Signals>> = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' };

/**
 * Carries out a plan, each fault at its instant or when the one before it to the same victim is over. Resolves to how
 * many there were of each sort, when everything is whole again.
 */
export async function wreak(
  plan: readonly Planned[],
  stage: Stage,
  writers: Writers,
  report: (line: string) => void,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const last = new Map<string, Promise<void>>();
  const began = Date.now();
  for (const { atMs, fault } of plan) {
    await Promise.race([sleep(Math.max(0, began + atMs - Date.now())), failureOf(last)]);
    const victim = victimOf(fault);
    const sort = sortOf(fault);
    const done = (last.get(victim) ?? Promise.resolve()).then(async () => {
      report(`${sort}${'slot' in fault ? ` ${fault.slot}` : ''}${fault.ms > 0 ? `, ${fault.ms} ms` : ''}`);
      counts.set(sort, (counts.get(sort) ?? 0) + 1);
      await commit(fault, stage, writers);
    });
    last.set(victim, done);
    done.catch(() => undefined); // told by failureOf, or at the end
  }
  await Promise.all(last.values());
  return counts;
}

/** Never resolves; rejects when one of these does. */
async function failureOf(faults: ReadonlyMap<string, Promise<void>>): Promise<never> {
  await Promise.all(faults.values());
  return new Promise(() => undefined);
}

/** Does what the fault says, and ends it. */
async function commit(fault: Fault, stage: Stage, writers: Writers): Promise<void> {
  switch (fault.kind) {
    case 'kill':
    case 'term':
      await writers.end(fault.slot, fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
      await sleep(fault.ms);
      writers.start(fault.slot);
      return;
    case 'freeze':
      return writers.freeze(fault.slot, fault.ms);
    case 'more':
      writers.start(fault.slot);
      return;
    case 'fewer':
      return writers.end(fault.slot, 'SIGTERM');
    case 'stop':
      return stage.outages.during(fault.server, async () => {
        const server = stage.servers[fault.server];
        await server.stop(SIGNALS[fault.manner]);
        await sleep(fault.ms);
        await server.start();
      });
    case 'terminate':
      await stage.dataSource.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      );
      return;
    case 'flush':
      return stage.flush();
    default:
      return disturb(fault, fault.server, stage);
  }
}

/** What happens on the way to a server. */
async function disturb(
  fault: Extract<Fault, { kind: 'delay' | 'blackhole' | 'refuse' | 'cut' }>,
  server: ServerName,
  { proxies, outages }: Stage,
): Promise<void> {
  const proxy = proxies[server];
  switch (fault.kind) {
    case 'cut':
      proxy.cut();
      return;
    case 'delay':
      proxy.delay(fault.eachWayMs);
      await sleep(fault.ms);
      return proxy.pass();
    case 'blackhole':
      return outages.during(server, async () => {
        proxy.blackhole();
        await sleep(fault.ms);
        // Either what was sent meanwhile arrives late, or it never does.
        if (fault.lost) proxy.cut();
        await proxy.pass();
      });
    case 'refuse':
      return outages.during(server, async () => {
        proxy.refuse();
        proxy.cut();
        await sleep(fault.ms);
        await proxy.pass();
      });
  }
}
