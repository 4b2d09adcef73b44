import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { decode, type Event } from '../../src/event/decode.js';
import { registry, tables } from '../../src/handlers/index.js';
import type { ProcessedEvents } from '../../src/postgres/processed.js';
import { Parking } from '../../src/writing/parking.js';
import { persist } from '../../src/writing/persist.js';
import { Store } from '../../src/writing/store.js';
import { silent } from './log.js';
import type { Envelope } from './model.js';
import { readRows } from './rows.js';

/** The event of a message with this envelope. */
export function eventOf(envelope: Envelope, offset: number): Event {
  const value = Buffer.from(JSON.stringify(envelope));
  const message = { topic: envelope.eventType, partition: 0, offset, key: null, value, headers: [], timestamp: 0 };
  const decoded = decode(message, registry);
  if (decoded.kind !== 'event') throw new Error(`not valid: ${JSON.stringify(decoded)} ${JSON.stringify(envelope)}`);
  return decoded.event;
}

/** What `persist` wants to know, for a test that expects no trouble. */
export function patient(store: Store, signal: AbortSignal): Parameters<typeof persist>[1] {
  const retry = { attempts: 3, delayMs: 1, exponential: true };
  return { store, log: silent, retry, signal, onRetry: () => undefined, onTrouble: () => undefined };
}

/**
 * Writes batches by some writers at once, then applies what waits; the rows that are there in the end.
 *
 * @param processes how many stores, which know nothing of one another, share the writers
 */
export async function deliver(
  dataSource: DataSource,
  processed: ProcessedEvents,
  arrival: readonly (readonly Envelope[])[],
  writers: number,
  processes = 1,
) {
  const stores = Array.from({ length: processes }, () => {
    const store = new Store(dataSource, tables, processed);
    const parking = new Parking({
      dataSource,
      store,
      registry,
      tables,
      prefix: '',
      maxAttempts: 3,
      log: silent,
      onWritten: () => undefined,
      sendLetters: () => Promise.reject(new Error('nothing here is refused')),
    });
    return { store, parking };
  });
  const signal = new AbortController().signal;
  let offset = 0;
  const batches = arrival.map((batch) => batch.map((envelope) => eventOf(envelope, offset++)));
  const work = async ({ store, parking }: (typeof stores)[number]) => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const { written, refused } = await persist(batch, patient(store, signal));
      expect(refused).to.deep.equal([]);
      for (const one of written) parking.noticed(one);
      await parking.wakeWanted();
    }
  };
  // All of them, also when one fails: what still writes would be in the way of the next try.
  const working = Array.from({ length: writers }, (_, i) => stores[i % processes]).flatMap((one) => one ?? []);
  const ended = await Promise.allSettled(working.map(work));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  for (const { parking } of stores) await parking.sweep(true);
  return readRows(dataSource);
}
