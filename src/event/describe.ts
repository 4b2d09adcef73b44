import type { EventType } from './event.js';
import { EXIT, UserError } from '../errors.js';
import { decode } from './decode.js';
import { registry, tables } from '../handlers/index.js';
import type { Change } from '../tables/table.js';

export interface EventSummary {
  readonly type: string;
  /** The field of `data` that keys the message. */
  readonly key: string;
  /** Tables whose rows the event writes. */
  readonly writes: readonly string[];
  readonly about: string;
}

export interface EventDescription extends EventSummary {
  readonly schema: unknown;
  /** A whole message that is valid. */
  readonly example: Readonly<Record<string, unknown>>;
}

/** A whole message of this type, made of its example. */
export function exampleOf({ type, example }: EventType): Readonly<Record<string, unknown>> {
  return { eventId: `example-${type}`, eventType: type, timestamp: '2024-01-01T00:00:00.000Z', data: example };
}

/** What the example of a type changes. */
function changesOf(type: EventType): readonly Change[] {
  const value = Buffer.from(JSON.stringify(exampleOf(type)));
  const message = { topic: type.type, partition: 0, offset: 0, key: null, value, headers: [], timestamp: 0 };
  const decoded = decode(message, registry);
  return decoded.kind === 'event' ? decoded.event.changes : [];
}

/**
 * Which topics come first: those of types that make rows before those of types that need them.
 *
 * @param prefix what the names of the topics begin with
 * @returns for each topic the lower number, the earlier it comes
 */
export function parentsFirst(prefix: string): (topic: string) => number {
  const depth = ({ table, verb }: Change) => tables.indexOf(table) + (verb === 'set' ? 0.5 : 0);
  const ranks = new Map([...registry].map(([name, type]) => [prefix + name, Math.max(...changesOf(type).map(depth))]));
  return (topic) => ranks.get(topic) ?? tables.length;
}

function summaryOf(type: EventType): EventSummary {
  const changes = changesOf(type);
  const counted = changes.flatMap(({ table, verb }) =>
    verb === 'insert' ? table.counts.map((count) => `${count.in.name}.${count.as}`) : [],
  );
  const writes = [...new Set(changes.map(({ table }) => table.name)), ...counted];
  return { type: type.type, key: type.key, writes, about: type.about };
}

/** Every event type, by name. */
export function summaries(): EventSummary[] {
  return [...registry.values()].map(summaryOf).sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** The JSON Schema of the data of every event type. */
export function schemas(): Readonly<Record<string, unknown>> {
  return Object.fromEntries(summaries().map(({ type }) => [type, registry.get(type)?.schema]));
}

/** One event type whole. Throws UserError where there is none of that name. */
export function describe(name: string): EventDescription {
  const type = registry.get(name);
  if (!type)
    throw new UserError(`There is no event type "${name}". Type: dbw events, to see all ${registry.size}.`, EXIT.usage);
  return { ...summaryOf(type), schema: type.schema, example: exampleOf(type) };
}
