import type { Envelope } from '../../test/support/model.js';
import { generate, type Message } from '../../test/support/generator/index.js';

export const EVENTS = 10_000;

/** What is sent, and what must become of it. */
export interface Stream {
  readonly messages: readonly Message[];
  /** The events that are valid, for the model; some of them more than once. */
  readonly valid: readonly Envelope[];
  /** Messages by what must become of them. */
  readonly must: Readonly<Record<Message['expect'], number>>;
  readonly disordered: number;
  /** How many are to be refused, by reason. */
  readonly reasons: ReadonlyMap<string, number>;
}

/** Ten thousand events of all thirty types, the same in every demo, and what a bad day adds to them. */
export function stream(): Stream {
  // A share of poison this small still brings one message of each class of it.
  const messages = generate({ seed: 20_240_101, events: EVENTS, duplicates: 0.05, disorder: 0.05, poison: 0.001 });
  const must = { apply: 0, duplicate: 0, skip: 0, refuse: 0, wait: 0 };
  const reasons = new Map<string, number>();
  for (const { expect, reason } of messages) {
    must[expect]++;
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const disordered = messages.filter(({ label }) => /^(early|late|inverted)$/.test(label ?? '')).length;
  const valid = messages.flatMap(({ event, expect }) => (event && expect !== 'refuse' ? [event] : []));
  return { messages, valid, must, disordered, reasons };
}
