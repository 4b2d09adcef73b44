// What the command line asks for.
import { parseArgs } from 'node:util';
import { growthParts, parts } from './parts.js';
import type { Asked } from './part.js';

/** Names for several parts at once. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  throughput: ['limits', 'settings', 'mixed', 'sketch'],
  growth: growthParts.flatMap(({ names }) => names),
};

/** What is to be done, and where it is kept. */
export interface Errand extends Asked {
  /** Settings for PostgreSQL, in place of its own. */
  readonly postgres: Readonly<Record<string, string>>;
  /** A file for everything that was found. */
  readonly json?: string | undefined;
  /** A folder for pictures. */
  readonly svg?: string | undefined;
  /** What an earlier run has kept: nothing is measured, it is only shown and drawn. */
  readonly show?: string | undefined;
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`--${name} is "${text}", expected a whole number from 1`);
}

function setting(text: string): [name: string, value: string] {
  const [, name, value] = /^([a-z_]+)=(.+)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new Error(`--postgres is "${text}", expected a setting and its value, as in shared_buffers=2GB`);
}

function chosen(text: string): Set<string> {
  const known = parts.flatMap(({ names }) => names);
  const names = text.split(',').flatMap((name) => GROUPS[name] ?? [name]);
  const strange = names.find((name) => !known.includes(name));
  if (strange === undefined) return new Set(names);
  throw new Error(`--only names "${strange}", expected some of ${[...Object.keys(GROUPS), ...known].join(', ')}`);
}

/**
 * Reads the command line.
 *
 * @throws Error for what is none
 */
export function ask(args: readonly string[]): Errand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      letters: { type: 'string', default: '1000000' },
      rows: { type: 'string', default: '5000000' },
      only: { type: 'string', default: parts.flatMap(({ names }) => names).join(',') },
      postgres: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      svg: { type: 'string' },
      show: { type: 'string' },
    },
  });
  return {
    events: countOf('events', values.events),
    rounds: countOf('rounds', values.rounds),
    letters: countOf('letters', values.letters),
    rows: countOf('rows', values.rows),
    only: chosen(values.only),
    postgres: Object.fromEntries(values.postgres.map(setting)),
    json: values.json,
    svg: values.svg,
    show: values.show,
  };
}
