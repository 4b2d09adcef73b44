import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Event } from '../event/decode.js';
import type { Message } from '../event/message.js';
import type { Letter } from '../letters/letter.js';
import type { Persisted, WritingStore } from '../writing/persist.js';

/** How a batch is written; whoever watches it lays himself between. */
export interface Ways {
  /**
   * Writes events.
   *
   * @param watch puts another store in the place of the usual one
   */
  readonly persist: (events: readonly Event[], watch?: (store: WritingStore) => WritingStore) => Promise<Persisted>;
  /** Resolves when the dead-letter topic has the letters. */
  readonly send: (letters: readonly Letter[]) => Promise<void>;
}

/** Tells what is done, as spans of OpenTelemetry. No value of an event is part of them. */
export interface Tracing {
  /**
   * Writes a batch within a span that links to the traces of its messages.
   *
   * @param write is given the ways to use
   */
  batch<T>(messages: readonly Message[], ways: Ways, write: (ways: Ways) => Promise<T>): Promise<T>;
  /**
   * Does the work of a whole command within a span; batches become its children.
   *
   * @param countsOf what became of the events, told at the end
   */
  run<T>(
    command: string,
    work: (tracing: Tracing) => Promise<T>,
    countsOf: (done: T) => Readonly<Record<string, number>>,
  ): Promise<T>;
  /** Sends what has not been sent, for a short time; never rejects. */
  close(): Promise<void>;
}

/** Opens tracing where it is wanted. Nothing of OpenTelemetry is loaded where it is not. */
export async function openTracing(config: Config, version: string, log: Logger): Promise<Tracing | undefined> {
  if (config.tracing === undefined) return undefined;
  const { openSpans } = await import('./spans.js');
  return openSpans(config, config.tracing, version, log);
}

interface Command<T> {
  readonly name: string;
  readonly version: string;
  readonly log: Logger;
  readonly countsOf: (done: T) => Readonly<Record<string, number>>;
}

/** Does the work of a command that ends, and tells it as one span where tracing is on. */
export async function traced<T>(
  config: Config,
  { name, version, log, countsOf }: Command<T>,
  work: (tracing: Tracing | undefined) => Promise<T>,
): Promise<T> {
  const tracing = await openTracing(config, version, log);
  if (!tracing) return work(undefined);
  try {
    return await tracing.run(name, work, countsOf);
  } finally {
    await tracing.close();
  }
}
