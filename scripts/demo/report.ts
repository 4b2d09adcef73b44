import type { KafkaMessage } from 'kafkajs';
import type { ConsumeSummary } from '../../src/commands/consume.js';
import { table } from '../../src/output.js';
import type { Rows } from '../../test/support/rows.js';
import { header } from '../../test/support/topics.js';
import { count, counted, fitted, paint, section } from './paint.js';
import type { ParkedEvent } from './play.js';
import { rowCount } from './proof.js';
import type { Stream } from './stream.js';

function heads(...names: string[]): string[] {
  return names.map((name) => paint.dim(name));
}

/** What was sent beside what dbw says became of it. */
export function fateOf({ must, disordered }: Stream, { outcomes, stillParked }: ConsumeSummary): string {
  const rows: [sent: number, what: string, became: number, fate: string][] = [
    [must.apply, `events, ${disordered} of them out of order`, outcomes.applied, 'applied'],
    [must.duplicate, 'delivered a second time', outcomes.duplicate + outcomes.collision, 'known already'],
    [must.wait, 'whose parent never comes', stillParked, 'parked until it comes'],
    [must.refuse, 'poison', outcomes.dead_letter, 'dead letters'],
    [must.skip, 'tombstone', outcomes.tombstone, 'skipped'],
  ];
  const body = rows.map(([sent, what, became, fate]) => {
    return `${count(sent).padStart(6)}  ${what.padEnd(36)}${paint.dim('→')} ${count(became).padStart(6)}  ${fate}`;
  });
  return section('What was sent, and what became of it', '', body.join('\n'));
}

/** The tables with their counts, three side by side. */
export function tablesOf(rows: Rows): string {
  const cells = [...rows].map(([name, { size }]) => `${name.padEnd(14)}${count(size).padStart(7)}`);
  const height = Math.ceil(cells.length / 3);
  const lines = Array.from({ length: height }, (_, at) =>
    [cells[at], cells[at + height], cells[at + 2 * height]].join('     '),
  );
  return section(`${rows.size} tables`, counted(rowCount(rows), 'row'), lines.join('\n'));
}

/** Parked events by the table whose row they wait for. */
export function parkedOf(parked: readonly ParkedEvent[]): string {
  const rows = [...grouped(parked, ({ wait_table: name }) => name)].map(([name, events]) => {
    const types = [...grouped(events, ({ event_type: type }) => type).keys()];
    return [events.length, `a row of ${name}`, fitted(types.join(', '), 46)];
  });
  const drawn = table(heads('', 'wait for', 'event types'), rows);
  return section('Parked', 'applied by themselves as soon as the row is there', drawn);
}

/** Dead letters by reason, with what is wrong most often and where the first of them came from. */
export function lettersOf(letters: readonly KafkaMessage[]): string {
  const rows = [...grouped(letters, (letter) => header(letter, 'dbw.dlq.reason') ?? '')].map(([reason, some]) => {
    const codes = [...grouped(some, (letter) => header(letter, 'dbw.dlq.code') ?? '')].map(
      ([code, { length }]) => `${code} ${length}`,
    );
    const [first] = some;
    const place = ['topic', 'partition', 'offset'].map((part) => first && header(first, `__connect.errors.${part}`));
    return [some.length, reason, fitted(codes.join(', '), 30), place.join(':')];
  });
  const drawn = table(heads('', 'reason', 'codes', 'for example'), rows);
  return section('Dead letters', 'the bytes as they came, and why: nothing is lost', drawn);
}

/** What `dbw health --json` said, one line for each of its parts. */
export function healthOf(health: unknown): string {
  const parts = Object.entries(health ?? {}).map(
    ([name, part]) => `  "${name}": ${JSON.stringify(part, null, 1).replace(/\n\s*/g, ' ')}`,
  );
  return section('dbw health --json', '', `{\n${parts.join(',\n')}\n}`);
}

/** Groups in order of their size. */
function grouped<T>(items: readonly T[], by: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(by(item));
    if (group) group.push(item);
    else groups.set(by(item), [item]);
  }
  return new Map([...groups].sort(([, a], [, b]) => b.length - a.length));
}
