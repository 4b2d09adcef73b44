import { Listr, ListrLogger, ProcessOutput, type ListrDefaultRendererLogLevels } from 'listr2';
import { printable } from './printable.js';
import { spell } from './spell.js';

const LINE_MS = 5_000;
const WIDE = 100;
/** Columns that listr2 keeps for its mark and its indentation. */
const MARK = 6;

/** How far a bounded run is. */
export interface Advance {
  /** Messages that are done. */
  readonly messages: number;
  readonly left: number;
  /** What became of them, by outcome; only what is not 0 is shown. */
  readonly outcomes?: Readonly<Record<string, number>>;
}

/** Progress of a bounded run: one line that moves on a terminal, a JSON line every 5 s elsewhere; on standard error. */
export interface Progress {
  readonly update: (advance: Advance) => void;
  /** Ends the display, whatever was reached; resolves when the last line of it is drawn. */
  readonly stop: () => Promise<void>;
}

/** Messages a second since the beginning, and the seconds that what is left will take at that rate. */
function pace({ messages, left }: Advance, seconds: number): { rate: number; remaining: number | undefined } {
  const rate = messages / Math.max(seconds, 0.001);
  return { rate, remaining: rate > 0 && left > 0 ? left / rate : undefined };
}

/** What a line says of a run; on a terminal that is too narrow it says less, for a line that breaks cannot move. */
export function lineOf(title: string, advance: Advance, seconds: number, columns: number): string {
  const { messages, left, outcomes = {} } = advance;
  const { rate, remaining } = pace(advance, seconds);
  const percent = messages + left > 0 ? Math.floor((messages / (messages + left)) * 100) : 100;
  const filled = Math.round(percent / 5);
  const bar = columns >= WIDE ? `${'█'.repeat(filled)}${'░'.repeat(20 - filled)} ` : '';
  const count = (n: number) => Math.round(n).toLocaleString('en-US');
  const parts = [
    `${bar}${percent}%`,
    `${count(messages)} events`,
    `${count(rate)}/s`,
    ...(remaining === undefined ? [] : [`${spell(remaining)} left`]),
    ...(columns >= WIDE ? Object.entries(outcomes).flatMap(([what, n]) => (n > 0 ? [`${count(n)} ${what}`] : [])) : []),
  ];
  const room = columns - MARK;
  let line = title;
  for (const part of parts) {
    if (line.length + 2 + part.length > room) break;
    line += `  ${part}`;
  }
  return line;
}

/**
 * Shows how far something is.
 *
 * @param given what is done
 */
export function showProgress(given: string): Progress {
  const title = printable(given);
  const started = Date.now();
  const seconds = () => (Date.now() - started) / 1000;
  if (!process.stderr.isTTY) {
    let told = started;
    const update = (advance: Advance) => {
      if (Date.now() - told < LINE_MS) return;
      told = Date.now();
      const { rate, remaining } = pace(advance, seconds());
      const { messages, left, outcomes } = advance;
      const progress = {
        ...{ messages, left, perSecond: Math.round(rate), seconds: Math.round(seconds()) },
        ...(remaining === undefined ? {} : { secondsLeft: Math.ceil(remaining) }),
        ...(outcomes ? { outcomes } : {}),
      };
      process.stderr.write(`${JSON.stringify({ progress })}\n`);
    };
    return { update, stop: () => Promise.resolve() };
  }
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let show: (line: string) => void = () => undefined;
  const list = new Listr(
    [
      {
        title,
        task: (_, task) => {
          show = (line) => (task.title = line);
          return finished;
        },
      },
    ],
    {
      renderer: 'default',
      // Results alone are on standard output.
      rendererOptions: {
        logger: new ListrLogger<ListrDefaultRendererLogLevels>({
          processOutput: new ProcessOutput(process.stderr, process.stderr),
        }),
      },
      exitOnError: false,
      // Ctrl-C is for the command: listr2 would end the process where it stands.
      registerSignalListeners: false,
    },
  );
  const drawn = list.run().catch(() => undefined);
  return {
    update: (advance) => {
      show(lineOf(title, advance, seconds(), process.stderr.columns));
    },
    stop: async () => {
      finish();
      await drawn;
    },
  };
}
