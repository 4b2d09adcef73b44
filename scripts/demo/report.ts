import type { ChalkInstance } from 'chalk';
import type { KafkaMessage } from 'kafkajs';
import type { ConsumeSummary } from '../../src/commands/consume.js';
import { table } from '../../src/output.js';
import type { Rows } from '../../test/support/rows.js';
import { header } from '../../test/support/topics.js';
import { count, counted, listed, paint, section } from './paint.js';
import { rowCount } from './proof.js';
import type { Stream } from './stream.js';

/** What `dbw.parked_events` holds of an event. */
export interface ParkedEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly wait_table: string;
}

/** What was sent beside what dbw says became of it. */
export function fateOf({ must, disordered }: Stream, { outcomes, stillParked }: ConsumeSummary): string {
  const { green, yellow, red, dim } = paint;
  const rows: [sent: number, what: string, became: number, fate: string, colour: ChalkInstance][] = [
    [must.apply, `events, ${disordered} of them out of order`, outcomes.applied, 'applied', green],
    [must.duplicate, 'delivered a second time', outcomes.duplicate + outcomes.collision, 'known already', green],
    [must.wait, 'whose parent never comes', stillParked, 'parked', yellow],
    [must.refuse, 'that are poison', outcomes.dead_letter, 'dead letters', red],
    [must.skip, 'without a value', outcomes.tombstone, 'skipped', dim],
  ];
  const lines = rows.map(([sent, what, became, fate, colour]) => {
    return `${count(sent).padStart(6)}  ${what.padEnd(34)}${dim('→')}  ${colour(`${count(became).padStart(6)}  ${fate}`)}`;
  });
  // Topics are read side by side: a child often comes before its parent, and no time is lost by waiting for it.
  const waited = `${count(outcomes.parked - stillParked)} arrived before their parents`;
  return section('What was sent, and what became of it', waited, lines.join('\n'));
}

/** The tables with their counts, three side by side. */
export function tablesOf(rows: Rows): string {
  const cells = [...rows].map(([name, { size }]) => `${name.padEnd(14)}${count(size).padStart(7)}`);
  const height = Math.ceil(cells.length / 3);
  const lines = cells.slice(0, height).map((_, line) => cells.filter((_, at) => at % height === line).join('      '));
  return section(`${rows.size} tables`, counted(rowCount(rows), 'row'), lines.join('\n'));
}

/** Parked events by the table whose row they wait for. */
export function parkedOf(parked: readonly ParkedEvent[]): string {
  const rows = [...grouped(parked, ({ wait_table: name }) => name)].map(([name, events]) => {
    const types = [...grouped(events, ({ event_type: type }) => type).keys()];
    return [events.length, name, listed(types, 50)];
  });
  const drawn = table(['', 'wait for a row of', 'event types'].map(dimmed), rows);
  return section('Parked', 'applied by themselves as soon as that row is there', drawn);
}

/** Dead letters by reason, with what is wrong most often and where one of them came from. */
export function lettersOf(letters: readonly KafkaMessage[]): string {
  const rows = [...grouped(letters, (letter) => header(letter, 'dbw.dlq.reason') ?? '')].map(([reason, some]) => {
    const codes = [...grouped(some, (letter) => header(letter, 'dbw.dlq.code') ?? '')];
    const faults = codes.map(([code, { length }]) => `${length} ${code}`);
    const [first] = some;
    const place = ['topic', 'partition', 'offset'].map((part) => first && header(first, `__connect.errors.${part}`));
    return [some.length, reason, listed(faults, 26), place.join(':')];
  });
  const drawn = table(['', 'reason', 'code', 'for example'].map(dimmed), rows);
  return section('Dead letters', 'in a topic of their own: the bytes as they came, and why', drawn);
}

/** What `dbw health --json` said, one line for each of its parts. */
export function healthOf(health: unknown): string {
  const parts = Object.entries(health ?? {}).map(([name, part]) => {
    return `  "${name}": ${JSON.stringify(part, null, 1).replace(/\n\s*/g, ' ')}`;
  });
  return section('dbw health --json', '', `{\n${parts.join(',\n')}\n}`);
}

function dimmed(text: string): string {
  return paint.dim(text);
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
