import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDbw, type Running } from '../support/cli.js';

/** How one process ended. */
export interface Ending {
  /** As in the name of its log. */
  readonly name: string;
  readonly how: 'killed' | 'asked' | 'of itself';
  readonly status: number | null;
  /** When it was told to end, or else when it did. */
  readonly from: number;
  readonly to: number;
  readonly lastWords: string;
}

const RESTART_MS = 1_000;
const SAMPLE_MS = 500;
/** One that does not end when it is asked is killed after this long; its ending tells. */
const PATIENCE_MS = 20_000;

/** The `dbw consume` processes of one group: up to four places, each with a process or none. Logs go to `folder`. */
export class Writers {
  readonly endings: Ending[] = [];
  /** The greatest resident memory of any process so far, in MiB; 0 where the system does not tell. */
  peakMiB = 0;
  starts = 0;
  private readonly places = new Map<number, { running: Running; name: string; ended: Promise<void> }>();
  private readonly wanted = new Set<number>();
  /** What we are doing to the process of a place: its end is no surprise. */
  private readonly told = new Map<Running, { how: Ending['how']; from: number }>();
  private readonly sampling = setInterval(() => {
    this.sample();
  }, SAMPLE_MS);
  private readonly onExit = () => {
    for (const { running } of this.places.values()) running.child.kill('SIGKILL');
  };

  constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly folder: string,
    private readonly report: (line: string) => void,
  ) {
    process.on('exit', this.onExit);
  }

  /** Starts a process at a place; from now on one that ends of itself is started again. */
  start(slot: number): void {
    this.wanted.add(slot);
    if (this.places.has(slot)) return;
    const name = `${this.env.KAFKA_GROUP_ID ?? 'dbw'}-${slot}-${++this.starts}`;
    const running = startDbw(['consume'], this.env);
    running.child.stderr?.pipe(createWriteStream(join(this.folder, `${name}.log`)));
    const ended = running.ended.then(async ({ status, stderr }) => {
      const to = Date.now();
      const { how, from } = this.told.get(running) ?? { how: 'of itself' as const, from: to };
      const lastWords = stderr.trimEnd().split('\n').slice(-3).join('\n');
      this.endings.push({ name, how, status, from, to, lastWords });
      this.places.delete(slot);
      if (how !== 'of itself') return;
      this.report(`${name} ended of itself with status ${status ?? 'of a signal'}`);
      await sleep(RESTART_MS);
      if (this.wanted.has(slot)) this.start(slot);
    });
    this.places.set(slot, { running, name, ended });
  }

  /** Sends a signal that ends the process of a place, and waits until it has. */
  async end(slot: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.wanted.delete(slot);
    const place = this.places.get(slot);
    if (!place) return;
    this.told.set(place.running, { how: signal === 'SIGKILL' ? 'killed' : 'asked', from: Date.now() });
    place.running.child.kill(signal);
    const patience = setTimeout(() => place.running.child.kill('SIGKILL'), PATIENCE_MS);
    await place.ended;
    clearTimeout(patience);
  }

  /** Stops the process of a place from running for a while. */
  async freeze(slot: number, ms: number): Promise<void> {
    const child = this.places.get(slot)?.running.child;
    child?.kill('SIGSTOP');
    await sleep(ms);
    child?.kill('SIGCONT');
  }

  /** Asks all to end, and waits until they have. */
  async endAll(): Promise<void> {
    await Promise.all([...new Set([...this.wanted, ...this.places.keys()])].map((slot) => this.end(slot, 'SIGTERM')));
    this.close();
  }

  /** Ends all at once. */
  close(): void {
    clearInterval(this.sampling);
    this.wanted.clear();
    this.onExit();
    process.off('exit', this.onExit);
  }

  private sample(): void {
    for (const { running } of this.places.values()) {
      const { pid } = running.child;
      if (pid !== undefined) this.peakMiB = Math.max(this.peakMiB, peakOf(pid));
    }
  }
}

/** The greatest resident memory that a process has had, in MiB. */
function peakOf(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0; // it has ended, or the system has no /proc
  }
}
