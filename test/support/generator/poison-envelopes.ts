import type { Envelope } from '../model.js';

type Spoil = (event: Envelope) => unknown;

/** What makes a good event into a JSON document that is no valid envelope. */
export const ENVELOPES: [label: string, reason: 'invalid' | 'unknown_type' | 'type_mismatch', spoil: Spoil][] = [
  ['null document', 'invalid', () => null],
  ['scalar', 'invalid', () => 42],
  ['array', 'invalid', (event) => [event]],
  ['double encoded', 'invalid', (event) => JSON.stringify(event)],
  ['empty object', 'invalid', () => ({})],

  ['eventId missing', 'invalid', without('eventId')],
  ['eventId null', 'invalid', set('eventId', null)],
  ['eventId empty', 'invalid', set('eventId', '')],
  ['eventId blank', 'invalid', set('eventId', ' \t ')],
  ['eventId numeric', 'invalid', set('eventId', 12345)],
  ['eventId too long', 'invalid', set('eventId', 'e'.repeat(256))],
  ['eventId with NUL', 'invalid', (event) => ({ ...event, eventId: `${event.eventId}\0` })],
  ['eventId with a lone surrogate', 'invalid', (event) => ({ ...event, eventId: `${event.eventId}\uD83D` })],

  ['eventType missing', 'invalid', without('eventType')],
  ['eventType null', 'invalid', set('eventType', null)],
  ['eventType numeric', 'invalid', set('eventType', 7)],
  ['eventType unknown', 'unknown_type', set('eventType', 'user.exploded')],
  ['eventType of an ancestor', 'unknown_type', set('eventType', 'constructor')],
  ['eventType of another topic', 'type_mismatch', otherType],

  ['timestamp missing', 'invalid', without('timestamp')],
  ['timestamp null', 'invalid', set('timestamp', null)],
  ['timestamp in milliseconds', 'invalid', set('timestamp', 1_704_067_200_000)],
  ['timestamp in words', 'invalid', set('timestamp', 'yesterday')],
  ['timestamp empty', 'invalid', set('timestamp', '')],
  ['timestamp without zone', 'invalid', set('timestamp', '2024-01-01T00:00:00')],
  ['timestamp without time', 'invalid', set('timestamp', '2024-01-01')],
  ['timestamp in HTTP form', 'invalid', set('timestamp', 'Mon, 01 Jan 2024 00:00:00 GMT')],
  ['timestamp with leap second', 'invalid', set('timestamp', '2016-12-31T23:59:60Z')],
  ['timestamp at 24:00', 'invalid', set('timestamp', '2024-01-01T24:00:00Z')],
  ['timestamp in month 13', 'invalid', set('timestamp', '2024-13-01T00:00:00Z')],
  ['timestamp on 30 February', 'invalid', set('timestamp', '2024-02-30T00:00:00Z')],
  ['timestamp with offset of 25 h', 'invalid', set('timestamp', '2024-01-01T00:00:00+25:00')],
  ['timestamp far ahead', 'invalid', set('timestamp', '2999-01-01T00:00:00Z')],
  ['timestamp before 2000', 'invalid', set('timestamp', '1999-12-31T23:59:59.999999Z')],
  ['timestamp before 2000 by its zone', 'invalid', set('timestamp', '2000-01-01T00:30:00+01:00')],

  ['data missing', 'invalid', without('data')],
  ['data null', 'invalid', set('data', null)],
  ['data text', 'invalid', (event) => ({ ...event, data: JSON.stringify(event.data) })],
  ['data array', 'invalid', (event) => ({ ...event, data: [event.data] })],
  ['data empty', 'invalid', set('data', {})],
];

function set(field: keyof Envelope, value: unknown): Spoil {
  return (event) => ({ ...event, [field]: value });
}

function without(field: keyof Envelope): Spoil {
  // JSON leaves out what is undefined.
  return set(field, undefined);
}

function otherType(event: Envelope): unknown {
  return { ...event, eventType: event.eventType === 'user.deleted' ? 'user.created' : 'user.deleted' };
}
