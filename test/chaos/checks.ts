import type { DataSource } from 'typeorm';
import type { Message } from '../support/generator/index.js';
import { expectedTables, type Envelope, type Expected } from '../support/model.js';
import { readRows, type Rows } from '../support/rows.js';
import { compareTables, some, type Difference } from './compare.js';
import { behind, standings } from './progress.js';
import { readLetters, refusedRecords } from './records.js';
import type { Stage } from './stage.js';
import type { Ending } from './writers.js';

/** What was looked at, and what was wrong with it; nothing, where all is well. */
export interface Finding {
  readonly what: string;
  readonly wrong: readonly string[];
}

/** A process that was asked to end has this long; a second more than it promises, for a machine that has much to do. */
const END_MS = 11_000;
const MOST_MIB = 300;

/** What the tables must hold once everything was delivered. */
export function modelOf(messages: readonly Message[]): Expected {
  const valid = messages.flatMap(({ event, expect }): Envelope[] =>
    event && ['apply', 'wait'].includes(expect) ? [event] : [],
  );
  return expectedTables(valid);
}

/** Looks at the tables: row for row, against what they should hold. */
export async function checkTables(
  what: string,
  stage: Stage,
  expected: Rows,
): Promise<{ finding: Finding; difference: Difference }> {
  const difference = compareTables(expected, await readRows(stage.dataSource));
  return { finding: { what, wrong: difference.lines }, difference };
}

/** Looks for events that are nowhere: each is to be processed, or parked where the model says so. */
export async function checkEvents(
  { dataSource }: Stage,
  messages: readonly Message[],
  waiting: readonly Envelope[],
): Promise<{ findings: Finding[]; lost: number }> {
  const waits = new Set(waiting.map(({ eventId }) => eventId));
  const applied = messages.flatMap(({ event, expect }) => (event && expect === 'apply' ? [event.eventId] : []));
  const lost = await unknownIds(
    dataSource,
    [...new Set(applied)].filter((id) => !waits.has(id)),
  );
  const rows: { event_id: string }[] = await dataSource.query('SELECT event_id FROM dbw.parked_events');
  const parked = new Set(rows.map(({ event_id }) => event_id));
  const [absent, surplus] = [[...waits].filter((id) => !parked.has(id)), [...parked].filter((id) => !waits.has(id))];
  const findings = [
    {
      what: 'each event is processed',
      wrong: lost.length > 0 ? [`${lost.length} are not: ${some(lost)}`] : [],
    },
    {
      what: 'parked are the events that the model says',
      wrong: [
        ...(absent.length > 0 ? [`${absent.length} are not parked: ${some(absent)}`] : []),
        ...(surplus.length > 0 ? [`${surplus.length} should not be parked: ${some(surplus)}`] : []),
      ],
    },
  ];
  return { findings, lost: lost.length + absent.length };
}

async function unknownIds(dataSource: DataSource, ids: readonly string[]): Promise<string[]> {
  const rows: { id: string }[] = await dataSource.query(
    `SELECT e.id FROM unnest($1::text[]) AS e(id) LEFT JOIN dbw.processed_events p ON p.id = dbw.event_key(e.id)
     WHERE p.id IS NULL`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** Looks at the dead letters: each refused record has one, and no other. */
export async function checkLetters(
  stage: Stage,
  messages: readonly Message[],
): Promise<{ finding: Finding; letters: number; refused: number; records: number; lost: number; needless: number }> {
  const { refused, records, strangers } = await refusedRecords(stage, messages);
  const { origins, count } = await readLetters(stage);
  const lost = [...refused].filter((origin) => !origins.has(origin));
  const needless = [...origins].filter((origin) => !refused.has(origin));
  const wrong = [
    ...(lost.length > 0 ? [`${lost.length} refused messages have no letter: ${some(lost)}`] : []),
    ...(needless.length > 0 ? [`${needless.length} letters of accepted messages: ${some(needless)}`] : []),
    ...(strangers > 0 ? [`${strangers} records were sent by nobody`] : []),
  ];
  const finding = { what: 'each refused message has a letter, and no other', wrong };
  return {
    finding,
    letters: count,
    refused: refused.size,
    records,
    lost: lost.length,
    needless: needless.length,
  };
}

/** Looks at committed offsets and positions. */
export async function checkOffsets(stage: Stage, group: string): Promise<Finding> {
  const wrong = behind(await standings(stage, group));
  return { what: `committed offsets and positions of ${group} equal the ends`, wrong: wrong.slice(0, 12) };
}

/** Looks at how processes ended. */
export function checkEndings(endings: readonly Ending[]): Finding[] {
  const asked = endings.filter(({ how }) => how === 'asked');
  const late = asked.filter(({ from, to }) => to - from > END_MS);
  // One that had not said a word was not running yet: Node itself was told.
  const unclean = asked.filter(({ status, lastWords }) => status !== 0 && lastWords !== '');
  const dead = endings.filter(({ how }) => how === 'of itself');
  return [
    { what: 'who is asked to end does so within 10 s', wrong: late.map(tell) },
    { what: 'who is asked to end does so with status 0, whatever is away', wrong: unclean.map(tell) },
    { what: 'nobody dies of itself', wrong: byCause(dead) },
  ];
}

function tell({ name, status, from, to, lastWords }: Ending): string {
  return `${name} ended with status ${status ?? 'of a signal'} after ${((to - from) / 1000).toFixed(1)} s: ${lastWords}`;
}

/** One line for all that ended with the same words. */
function byCause(endings: readonly Ending[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, status, lastWords } of endings) {
    // As oclif prints an error: wrapped, each line after a mark.
    const words = lastWords.replace(/\s*›\s*/g, ' ');
    const cause = `status ${status ?? 'of a signal'}: ${/Error: .*/.exec(words)?.[0] ?? words}`;
    names.set(cause, [...(names.get(cause) ?? []), name]);
  }
  return [...names].map(([cause, list]) => `${list.length} ended with ${cause} (${some(list)})`);
}

/** Looks at the memory that any process ever had. */
export function checkMemory(peakMiB: number): Finding {
  const wrong = peakMiB > MOST_MIB ? [`one had ${peakMiB} MiB`] : [];
  return { what: `memory below ${MOST_MIB} MiB in each process`, wrong };
}
