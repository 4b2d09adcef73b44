// One of several `dbw consume` processes of a group: what it says of itself while it runs.
import { startDbw, type Running } from '../../test/support/cli.js';

/** What an instance has said last. */
interface Said {
  /** Partitions that it reads. */
  readonly assigned: number;
  /** Events that it has applied, parked, or found to be known. */
  readonly events: number;
}

/** The sum of all values of a metric. */
function sumOf(text: string, metric: string): number {
  const values = [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** A `dbw consume` that runs until it is told to end. */
export class Instance {
  said: Said = { assigned: 0, events: 0 };
  readonly running: Running;

  constructor(
    readonly name: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.running = startDbw(['consume'], { LOG_LEVEL: 'info', ...env });
  }

  get isAlive(): boolean {
    return this.running.child.exitCode === null && this.running.child.signalCode === null;
  }

  /** Asks how far it is; what it does not answer stays as it was. */
  async look(): Promise<Said> {
    const port = /"port":(\d+)/.exec(this.running.output.stderr)?.[1];
    if (port === undefined || !this.isAlive) return this.said;
    try {
      const text = await (
        await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2_000) })
      ).text();
      this.said = { assigned: sumOf(text, 'dbw_assigned_partitions'), events: sumOf(text, 'dbw_events_total') };
    } catch {
      // It is about to end, or has much to do.
    }
    return this.said;
  }

  /** Ends it, and resolves when it has. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.running.child.kill(signal);
    await this.running.ended;
  }
}
