import { isCancel, log, select, text } from '@clack/prompts';
import chalk from 'chalk';
import type { Opened } from './dlq-command.js';
import { printable, printableLines, quoted } from '../printable.js';
import { listLetters, type ListedLetter } from './list.js';
import { summarize } from './summarize.js';
import type { LetterGroup } from './summary.js';
import { causeOf, clock } from './summary-text.js';

const SHOWN = 100;
const BACK = '←';

/** Runs a command of dbw by its words, such as `['dlq', 'show', '0:12']`. */
type Run = (words: readonly string[]) => Promise<void>;

interface Choice<T> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string;
}

/** Lets somebody choose; undefined for going back, also by Ctrl-C or Escape. */
async function choose<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T | undefined> {
  const back = { value: BACK, label: chalk.dim('back') };
  const chosen = await select<string>({ message, options: [...choices, back], maxItems: 15 });
  return isCancel(chosen) ? undefined : choices.find(({ value }) => value === chosen)?.value;
}

/** Says what is typed for the same, and does it; what fails is told, and one goes on. */
async function perform(words: readonly string[], run: Run): Promise<void> {
  log.step(chalk.cyan(`dbw ${words.map(quoted).join(' ')}`));
  try {
    await run(words);
  } catch (error) {
    log.error(printableLines(error instanceof Error ? error.message : String(error)));
  }
}

async function discardWith(which: readonly string[], run: Run): Promise<void> {
  const reason = await text({ message: 'Why shall it never be replayed?', placeholder: 'is recorded with your name' });
  if (isCancel(reason) || reason.trim() === '') return;
  await perform(['dlq', 'discard', ...which, '--reason', reason], run);
}

async function browseLetter(letter: ListedLetter, topic: string, run: Run): Promise<void> {
  const { id, eventId, fingerprint } = letter;
  const inTopic = ['--topic', topic];
  const one = eventId === null ? ['--fingerprint', fingerprint] : ['--event-id', eventId];
  for (;;) {
    const chosen = await choose(`Letter ${printable(id)}`, [
      { value: 'show', label: 'show it', hint: 'values masked' },
      { value: 'reveal', label: 'show it with its values' },
      { value: 'dry', label: 'what would a replay do?' },
      { value: 'replay', label: eventId === null ? 'replay the letters of its cause' : 'replay it' },
      { value: 'discard', label: 'set it aside' },
    ]);
    if (chosen === undefined) return;
    if (chosen === 'show') await perform(['dlq', 'show', id, ...inTopic], run);
    if (chosen === 'reveal') await perform(['dlq', 'show', id, ...inTopic, '--reveal'], run);
    if (chosen === 'dry') await perform(['replay-dlq', ...inTopic, ...one, '--dry-run'], run);
    if (chosen === 'replay') await perform(['replay-dlq', ...inTopic, ...one], run);
    if (chosen === 'discard') await discardWith([id, ...inTopic], run);
  }
}

async function browseLetters(opened: Opened, { fingerprint }: LetterGroup, run: Run): Promise<void> {
  const { topic } = opened;
  const filter = { fingerprints: [fingerprint] };
  log.step(chalk.cyan(`dbw dlq ls --topic ${topic.name} --fingerprint ${fingerprint} --limit ${SHOWN}`));
  const { letters, found } = await listLetters(opened, filter, { state: 'open', limit: SHOWN });
  for (;;) {
    const id = await choose(
      `${found.toLocaleString('en-US')} open letters; the newest`,
      letters.map(({ id: value, failedAt, eventId }) => ({
        value,
        label: `${printable(value)}  ${clock(failedAt)}`,
        hint: printable(eventId ?? 'no event ID'),
      })),
    );
    const letter = letters.find((one) => one.id === id);
    if (!letter) return;
    await browseLetter(letter, topic.name, run);
  }
}

async function browseCause(opened: Opened, cause: LetterGroup, run: Run): Promise<void> {
  const which = ['--topic', opened.topic.name, '--fingerprint', cause.fingerprint];
  for (;;) {
    const chosen = await choose(printable(causeOf(cause)), [
      { value: 'letters', label: 'look at its letters' },
      { value: 'dry', label: 'what would a replay do?' },
      { value: 'replay', label: 'replay all of them' },
      { value: 'discard', label: 'set all of them aside' },
    ]);
    if (chosen === undefined) return;
    if (chosen === 'letters') await browseLetters(opened, cause, run);
    if (chosen === 'dry') await perform(['replay-dlq', ...which, '--dry-run'], run);
    if (chosen === 'replay') await perform(['replay-dlq', ...which], run);
    if (chosen === 'discard') await discardWith(which, run);
  }
}

/** Walks through dead letters: causes, their letters, one letter; what is done is a command that is printed. */
export async function browse(open: <T>(work: (opened: Opened) => Promise<T>) => Promise<T>, run: Run): Promise<void> {
  for (;;) {
    const isOver = await open(async (opened) => {
      const { topic } = opened;
      log.step(chalk.cyan(`dbw dlq summary --topic ${topic.name}`));
      const { causes } = await summarize(opened, {});
      const fingerprint = await choose(
        `Causes in ${topic.name}`,
        causes.map((cause) => ({
          value: cause.fingerprint,
          label: `${cause.open.toLocaleString('en-US').padStart(9)} open  ${printable(causeOf(cause))}`,
          hint: `last ${clock(cause.lastSeen)}`,
        })),
      );
      const cause = causes.find((one) => one.fingerprint === fingerprint);
      if (cause) await browseCause(opened, cause, run);
      return cause === undefined;
    });
    if (isOver) return;
  }
}
