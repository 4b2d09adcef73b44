import chalk from 'chalk';
import { visible } from '../printable.js';
import { count } from '../spell.js';
import type { ShownLetter } from './show.js';
import { clock } from './summary-text.js';

/** Lines of a document that are shown: its beginning, and what is around the place that is refused. */
const FIRST = 60;
const AROUND = 12;

const WRITERS = { dbw: 'dbw', connect: 'Kafka Connect', spring: 'Spring Kafka', bare: 'nobody who says so' };

const REASONS: Readonly<Record<string, string>> = {
  malformed: 'the bytes are no JSON',
  invalid: 'the document is not what its schema asks for',
  unknown_type: 'no handler knows its event type',
  type_mismatch: 'its event type does not belong on its topic',
  missing_reference: 'the row that it needs has not come',
  database: 'PostgreSQL refused what it says',
  bug: 'dbw itself failed over it',
  other: 'what wrote the letter had its own reason',
};

function stateText({ state, discarded, otherContent, waits }: ShownLetter): string[] {
  const lines: string[] = [];
  if (state === 'open') lines.push(chalk.yellow('open: its event has not been processed'));
  if (state === 'foreign') lines.push('foreign: its message came from a topic that is not ours; it is left alone');
  if (state === 'resolved') {
    lines.push(chalk.green('resolved: its event has been processed'));
    if (otherContent) lines.push(chalk.yellow('but with other content than this message has'));
  }
  if (discarded) {
    const { user, host, discardedAt, reason } = discarded;
    lines.push(`discarded by ${user} on ${host} at ${clock(discardedAt)}: ${reason}`);
  }
  for (const { table, key, since, attempts, deadAt } of waits) {
    const given = deadAt === null ? '' : `; given up at ${clock(deadAt)}, applied all the same should the row come`;
    const tried = count(attempts, 'attempt');
    lines.push(`waits for the row ${key} of ${table} since ${clock(since)}, ${tried}${given}`);
  }
  return lines;
}

function opinionText({ opinion }: ShownLetter): string {
  if (opinion.accepted) return chalk.green('it would be accepted');
  const { reason = '', code = '', path = '', message = '' } = opinion;
  return chalk.red(`it would be refused again: ${message} (${reason}, ${code}${path === '' ? '' : ` at ${path}`})`);
}

/** The lines of the message, the one that is refused with an arrow. */
function valueText({ value, place, opinion }: ShownLetter): string {
  const lines: string[] = [];
  let left = 0;
  const tellLeft = () => {
    if (left > 0) lines.push(chalk.dim(`   … ${left.toLocaleString('en-US')} more lines`));
    left = 0;
  };
  value.forEach((line, i) => {
    const isPlace = i === place;
    if (i >= FIRST && !(place !== null && Math.abs(i - place) <= AROUND)) {
      left++;
      return;
    }
    tellLeft();
    const why = opinion.message ?? 'here';
    lines.push(isPlace ? chalk.red(`→  ${line}   ← ${why}`) : `   ${line}`);
  });
  tellLeft();
  return lines.join('\n');
}

/** One letter as people read it. */
export function showText(shown: ShownLetter, isRevealed: boolean): string {
  const letter = visible(shown);
  const { id, topic, origin, writer, reason, code, path, message, attempts, replays, older, key, headers } = letter;
  const rows: [string, string | readonly string[]][] = [
    ['letter', letter.oversize ? `${id}, too large for ${topic}: kept in dbw.oversize_letters` : `${id} in ${topic}`],
    ['came from', `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}`],
    ['written by', WRITERS[writer]],
    ['event', `${letter.eventType ?? 'of no known type'}  ${letter.eventId ?? 'without a valid id'}`],
    ['died of', `${reason}: ${REASONS[reason] ?? 'a reason of a later version'}`],
    ['', [code, path].filter((text) => text !== '').join(' at ')],
    ['', message ?? ''],
    ['cause', letter.fingerprint],
    ['died', `${clock(letter.failedAt)}, after ${count(attempts, 'attempt')}`],
    ['first died', `${clock(letter.firstFailedAt)}; ${count(replays, 'replay')} since`],
    ['state', stateText(letter)],
    ['today', opinionText(letter)],
    ['older letters', older === null ? olderHint(letter) : older.join(', ')],
    ['key', key ?? 'none'],
    ['headers', headers.map(({ name, value }) => `${name}: ${value ?? 'null'}`)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const facts = rows.flatMap(([name, given]) =>
    (typeof given === 'string' ? [given] : given)
      .filter((line) => line !== '')
      .map((line, i) => `${chalk.dim((i === 0 ? name : '').padEnd(width))}${line}`),
  );
  const body = letter.value.length > 0 ? valueText(letter) : chalk.dim('   (no JSON; --reveal shows the bytes)');
  const hint = isRevealed ? [] : [chalk.dim('Values are masked; --reveal shows them.')];
  return [...facts, '', body, '', ...hint, 'To replay it alone:', `  ${letter.replay}`].join('\n');
}

function olderHint({ origin, replays }: ShownLetter): string {
  const id = `${origin.topic}:${origin.partition}:${origin.offset}`;
  return replays > 0 ? `there may be some; dbw dlq show ${id} looks for them` : '';
}
