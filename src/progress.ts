import { Listr } from 'listr2';
import type { Tally } from './health/tally.js';

const LINE_MS = 5_000;

/** Progress of a bounded run: one line that moves on a terminal, a JSON line every 5 s elsewhere; on standard error. */
export interface Progress {
  readonly update: (left: number, tally: Tally) => void;
  readonly done: () => void;
  /** Ends the display, whatever was reached. */
  readonly stop: () => void;
}

function lineOf(left: number, { messages, byOutcome }: Tally, seconds: number): string {
  const rate = messages / Math.max(seconds, 0.001);
  const remaining = rate > 0 && left > 0 ? `, ${Math.ceil(left / rate)} s left` : '';
  const percent = messages + left > 0 ? Math.floor((messages / (messages + left)) * 100) : 100;
  const filled = Math.round(percent / 5);
  const bar = '█'.repeat(filled) + '░'.repeat(20 - filled);
  const letters = byOutcome.dead_letter > 0 ? `, ${byOutcome.dead_letter} dead letters` : '';
  return `${bar} ${percent}%  ${messages.toLocaleString('en-US')} events, ${Math.round(rate).toLocaleString('en-US')}/s${remaining}${letters}`;
}

/** Shows how far `consume --until-caught-up` is. */
export function consumeProgress(): Progress {
  const started = Date.now();
  const seconds = () => (Date.now() - started) / 1000;
  if (!process.stderr.isTTY) {
    let told = started;
    const update = (left: number, { messages }: Tally) => {
      if (Date.now() - told < LINE_MS) return;
      told = Date.now();
      process.stderr.write(`${JSON.stringify({ progress: { messages, left, seconds: Math.round(seconds()) } })}\n`);
    };
    return { update, done: () => undefined, stop: () => undefined };
  }
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let show: (line: string) => void = () => undefined;
  const list = new Listr(
    [
      {
        title: 'Kafka → PostgreSQL',
        task: (_, task) => {
          show = (line) => (task.title = `Kafka → PostgreSQL  ${line}`);
          return finished;
        },
      },
    ],
    { rendererOptions: { showErrorMessage: false } },
  );
  const running = list.run().catch(() => undefined);
  void running;
  return {
    update: (left, tally) => {
      show(lineOf(left, tally, seconds()));
    },
    done: finish,
    stop: finish,
  };
}
