import { EXIT, UserError } from '../errors.js';
import { registry } from '../handlers/index.js';
import { parseWhen } from '../runs/when.js';
import type { DeadLetter } from './dead-letter.js';
import type { LetterFlags } from './flags.js';
import type { LetterHead } from './letter-head.js';

/** Which letters are meant: those that fit everything that is given. An empty filter means all of them. It is plain JSON. */
export interface LetterFilter {
  readonly eventTypes?: readonly string[];
  readonly reasons?: readonly string[];
  readonly fingerprints?: readonly string[];
  readonly eventIds?: readonly string[];
  /** Milliseconds since 1970, of the time of failure: from `since` to before `until`. */
  readonly since?: number;
  readonly until?: number;
  /** Partitions of the dead-letter topic. Oversize letters are in none of them. */
  readonly partitions?: readonly number[];
}

const REASONS = [
  ...['malformed', 'invalid', 'unknown_type', 'type_mismatch', 'missing_reference', 'database', 'bug'],
  'other', // letters that others wrote
];

function refuseStrange(given: readonly string[] | undefined, fits: (text: string) => boolean, what: string): void {
  const strange = given?.find((text) => !fits(text));
  if (strange !== undefined) throw new UserError(`"${strange}" is ${what}`, EXIT.usage);
}

/**
 * Reads the flags that choose letters.
 *
 * @param now milliseconds since 1970; ages count from it
 * @throws UserError for what no letter can fit: an unknown type or reason, a time that is none
 */
export function filterOf(flags: LetterFlags, now = Date.now()): LetterFilter {
  const { 'event-type': eventTypes, reason: reasons, fingerprint: fingerprints, 'event-id': eventIds } = flags;
  const types = `no event type. Type: dbw events, to see all ${registry.size}.`;
  refuseStrange(eventTypes, (type) => registry.has(type), types);
  refuseStrange(reasons, (reason) => REASONS.includes(reason), `no reason. Expected one of ${REASONS.join(', ')}.`);
  const hex = 'no fingerprint: 12 hex digits, as dbw dlq summary lists them.';
  refuseStrange(fingerprints, (fingerprint) => /^[0-9a-f]{12}$/.test(fingerprint), hex);
  const since = flags.since === undefined ? undefined : parseWhen(flags.since, now);
  const until = flags.until === undefined ? undefined : parseWhen(flags.until, now);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new UserError(`--since ${flags.since ?? ''} is not before --until ${flags.until ?? ''}.`, EXIT.usage);
  }
  return {
    ...(eventTypes ? { eventTypes } : {}),
    ...(reasons ? { reasons } : {}),
    ...(fingerprints ? { fingerprints } : {}),
    ...(eventIds ? { eventIds } : {}),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(flags.partition ? { partitions: flags.partition } : {}),
  };
}

/** The flags that stand for a filter, as words of a command. */
export function flagsOf(filter: LetterFilter): string[] {
  const many = (name: string, values: readonly (string | number)[] | undefined) =>
    (values ?? []).flatMap((value) => [`--${name}`, String(value)]);
  const time = (name: string, at: number | undefined) =>
    at === undefined ? [] : [`--${name}`, new Date(at).toISOString()];
  return [
    ...many('event-type', filter.eventTypes),
    ...many('reason', filter.reasons),
    ...many('fingerprint', filter.fingerprints),
    ...many('event-id', filter.eventIds),
    ...time('since', filter.since),
    ...time('until', filter.until),
    ...many('partition', filter.partitions),
  ];
}

/** The event type of a letter: what the message said, or where it said none, what its topic carries. */
export function typeOf(
  { eventType, origin }: Pick<DeadLetter, 'eventType' | 'origin'>,
  prefix: string,
): string | undefined {
  if (eventType !== undefined) return eventType;
  const carried = origin.topic.startsWith(prefix) ? origin.topic.slice(prefix.length) : '';
  return registry.has(carried) ? carried : undefined;
}

/**
 * What tells whether a letter is meant.
 *
 * @param prefix what stands before event types in the names of topics
 */
export function matcherOf(filter: LetterFilter, prefix: string): (letter: LetterHead) => boolean {
  const { since = -Infinity, until = Infinity } = filter;
  const setOf = <T>(of: readonly T[] | undefined) => of && new Set(of);
  const [types, reasons, fingerprints, ids, partitions] = [
    setOf(filter.eventTypes),
    setOf(filter.reasons),
    setOf(filter.fingerprints),
    setOf(filter.eventIds),
    setOf(filter.partitions),
  ];
  return (letter) =>
    letter.failedAt >= since &&
    letter.failedAt < until &&
    (!fingerprints || fingerprints.has(letter.fingerprint)) &&
    (!reasons || reasons.has(letter.reason)) &&
    (!types || types.has(typeOf(letter, prefix) ?? '')) &&
    (!ids || (letter.eventId !== undefined && ids.has(letter.eventId))) &&
    (!partitions || (!letter.isOversize && partitions.has(letter.record.partition)));
}
