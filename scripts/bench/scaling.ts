// How a group of several processes works: together from the beginning, and while members come and go.
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../test/support/services/until.js';
import { Instance } from './instance.js';
import { ScalingStage, type Stream } from './scaling-stage.js';

const LOOK_MS = 100;
/** Long enough for members that are killed to be missed, and for slow machines. */
const PATIENCE = { seconds: 900 };
/** The rate is taken from when all were at work to when this share was done: the rest is a few partitions. */
const NEARLY = 0.95;

/** What became of a run. */
export interface Scaled {
  readonly what: string;
  readonly instances: number;
  /** From when all were at work, or for the whole run where members come and go. */
  readonly perSecond: number;
  /** From the first event to the last. */
  readonly seconds: number;
  /** What each instance did, as it said itself; of one that was killed, shortly before. */
  readonly events: Readonly<Record<string, number>>;
  /** Rows that are not as the model has them. */
  readonly wrong: readonly string[];
}

interface Sample {
  readonly at: number;
  readonly done: number;
  readonly areAllAtWork: boolean;
}

/** Runs work on a stage with instances, and leaves nothing of either behind. */
async function onStage<T>(
  stream: Stream,
  partitions: number,
  work: (stage: ScalingStage, started: Instance[], start: () => Instance) => Promise<T>,
): Promise<T> {
  const stage = await ScalingStage.set(stream, partitions);
  const started: Instance[] = [];
  const start = () => {
    const instance = new Instance(`instance ${started.length + 1}`, stage.env);
    started.push(instance);
    return instance;
  };
  const onExit = () => {
    for (const { running } of started) running.child.kill('SIGKILL');
  };
  process.on('exit', onExit);
  try {
    return await work(stage, started, start);
  } finally {
    await Promise.all(started.filter(({ isAlive }) => isAlive).map((instance) => instance.end('SIGKILL')));
    process.off('exit', onExit);
    await stage.strike();
  }
}

/** Says why a run cannot come to its end: an instance ended that nobody had told to. */
function lastWordsOf(started: readonly Instance[], told: ReadonlySet<Instance>): string | undefined {
  const dead = started.find((instance) => !instance.isAlive && !told.has(instance));
  return dead && `${dead.name} ended of itself: ${dead.running.output.stderr.slice(-500)}`;
}

/** Looks at all instances until everything is done; `onLook` is told how much is. */
async function watch(
  stage: ScalingStage,
  stream: Stream,
  started: readonly Instance[],
  told: ReadonlySet<Instance>,
  onLook: (done: number) => Promise<void> = () => Promise.resolve(),
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (;;) {
    const [done] = await Promise.all([stage.processed(), ...started.map((instance) => instance.look())]);
    samples.push({ at: performance.now(), done, areAllAtWork: started.every(({ said }) => said.events > 0) });
    await onLook(done);
    if (done >= stream.processed) return samples;
    const why = lastWordsOf(started, told);
    if (why !== undefined) throw new Error(why);
    await delay(LOOK_MS);
  }
}

/** Events a second between two samples. */
function rate(from: Sample | undefined, to: Sample | undefined): number {
  return from && to && to.at > from.at ? ((to.done - from.done) * 1000) / (to.at - from.at) : 0;
}

function steadyRate(samples: readonly Sample[], total: number): number {
  const from = samples.find(({ areAllAtWork }) => areAllAtWork);
  const to = samples.find(({ done }) => done >= total * NEARLY);
  // In a short run there may be nothing between the two.
  return from && to && to.at > from.at && to.done > from.done ? rate(from, to) : rate(samples[0], samples.at(-1));
}

async function resultOf(
  what: string,
  perSecond: number,
  samples: readonly Sample[],
  { stage, stream, started }: { stage: ScalingStage; stream: Stream; started: readonly Instance[] },
): Promise<Scaled> {
  await Promise.all(started.map((instance) => instance.look()));
  const events = Object.fromEntries(started.map(({ name, said }) => [name, said.events]));
  await Promise.all(started.filter(({ isAlive }) => isAlive).map((instance) => instance.end('SIGTERM')));
  const seconds = ((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 1000;
  const wrong = await stage.differences(stream);
  return { what, instances: started.length, perSecond, seconds, events, wrong };
}

/** So many instances share the partitions before they see the first message. */
export function together(stream: Stream, partitions: number, instances: number): Promise<Scaled> {
  return onStage(stream, partitions, async (stage, started, start) => {
    const show = await stage.prepare(stream);
    for (let i = 0; i < instances; i++) start();
    const isShared = async () => {
      const said = await Promise.all(started.map((instance) => instance.look()));
      const assigned = said.map((one) => one.assigned);
      return assigned.every((count) => count > 0) && assigned.reduce((a, b) => a + b, 0) === stage.partitions;
    };
    await until('all to have partitions', isShared, { ...PATIENCE, hopeless: () => lastWordsOf(started, new Set()) });
    await show();
    const samples = await watch(stage, stream, started, new Set());
    const name = instances === 1 ? 'one instance' : `${instances} instances`;
    return resultOf(name, steadyRate(samples, stream.processed), samples, { stage, stream, started });
  });
}

/**
 * Two instances begin; some join, some are killed and some are asked to end while they work.
 *
 * @param most how many there are at the most
 */
export function comingAndGoing(
  stream: Stream,
  partitions: number,
  most: number,
  report: (line: string) => void,
): Promise<Scaled> {
  return onStage(stream, partitions, async (stage, started, start) => {
    const told = new Set<Instance>();
    const alive = () => started.filter((instance) => instance.isAlive && !told.has(instance));
    const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
      const [oldest] = alive();
      if (!oldest) return;
      told.add(oldest);
      await oldest.end(signal);
    };
    const steps: [share: number, what: string, step: () => unknown][] = [
      [0.1, 'more join', () => Array.from({ length: most - 2 }, start)],
      [0.25, 'one is killed', () => end('SIGKILL')],
      [0.4, 'one is asked to end', () => end('SIGTERM')],
      [
        0.55,
        'another is killed, and one joins',
        async () => {
          await end('SIGKILL');
          start();
        },
      ],
      [0.7, 'one joins', start],
    ];
    const show = await stage.prepare(stream);
    start();
    start();
    await show();
    const samples = await watch(stage, stream, started, told, async (done) => {
      const [next] = steps;
      if (!next || done < next[0] * stream.processed) return;
      steps.shift();
      report(`${done} of ${stream.processed} events are done: ${next[1]}`);
      await next[2]();
    });
    for (const [, what] of steps) report(`there was no time left for: ${what}; take more events`);
    return resultOf('they come and go', rate(samples[0], samples.at(-1)), samples, { stage, stream, started });
  });
}
