import type { Servers } from '../servers.js';
import { sourceTopics } from '../servers.js';
import { EXIT, UserError } from '../errors.js';
import type { EventType } from '../event/event.js';
import { LogReaderOf, type Missing, type Range } from '../kafka/log-reader.js';
import { letterRecordOf } from '../kafka/raw-record.js';
import { settingsOf } from '../kafka/topic-settings.js';
import { oversizeLetters } from '../postgres/oversize.js';
import { readLetter, type DeadLetter, type Unreadable } from './dead-letter.js';
import { headReading, type LetterHead } from './letter-head.js';

interface Context {
  readonly servers: Pick<Servers, 'admin' | 'dataSource' | 'ends' | 'kafka'>;
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
}

interface Sorted<L> {
  readonly letters: readonly L[];
  readonly unreadable: readonly Unreadable[];
}

/** What was read at once: of one partition in order, or some of the oversize letters. */
export interface LetterSlice extends Sorted<DeadLetter> {
  /** Where reading goes on; undefined for oversize letters. */
  readonly at: { readonly partition: number; readonly next: number } | undefined;
}

interface ReadOptions {
  readonly signal: AbortSignal;
  /** Parts of the topic; default: all that was there when it was opened. */
  readonly ranges?: readonly Range[];
  /** Whether those in `dbw.oversize_letters` are read too, after the topic; default: true. */
  readonly oversize?: boolean;
  readonly onMissing?: (missing: Missing) => void;
}

/** A dead-letter topic as it is when it is opened, and the letters that it was too small for. */
export class LetterTopic {
  private readonly own: ReadonlySet<string>;

  private constructor(
    private readonly context: Context,
    readonly name: string,
    /** From the first to behind the last letter of each partition. */
    readonly ranges: readonly Range[],
  ) {
    this.own = new Set([...sourceTopics(context.prefix, undefined), name]);
  }

  /**
   * @param name the topic
   * @throws UserError where there is no such topic, or it is a source topic or compacted
   */
  static async open(context: Context, name: string): Promise<LetterTopic> {
    const { servers, prefix } = context;
    if (sourceTopics(prefix, undefined).includes(name)) {
      throw new UserError(
        `${name} is a source topic, no dead-letter topic. To read it again: dbw backfill.`,
        EXIT.refused,
      );
    }
    if (!(await servers.admin.listTopics()).includes(name)) {
      throw new UserError(
        `There is no topic ${name}. dbw consume creates the dead-letter topic (DLQ_TOPIC).`,
        EXIT.refused,
      );
    }
    const policy = (await settingsOf(servers.admin, [name])).get(name)?.get('cleanup.policy')?.value ?? '';
    if (policy.includes('compact')) {
      const why = `${name} is compacted: of letters with one key all but the last are thrown away`;
      throw new UserError(`${why}. Set cleanup.policy=delete on it, or name another topic.`, EXIT.refused);
    }
    const ends = await servers.ends.ask([name]);
    const ranges = ends.map(({ partition, low, high }) => ({ topic: name, partition, from: low, to: high }));
    return new LetterTopic(context, name, ranges);
  }

  /** The same topic, as it was when these were its ranges. */
  until(ranges: readonly Range[]): LetterTopic {
    return new LetterTopic(this.context, this.name, ranges);
  }

  /** Records between the first and the last, of all partitions. */
  get records(): number {
    return this.ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** Whether a letter's message came from one of our topics; others are shown and left alone. */
  isForeign({ origin }: Pick<DeadLetter, 'origin'>): boolean {
    return !this.own.has(origin.topic);
  }

  /** What is in the topic, each partition in order, then the oversize letters. */
  async *read({ signal, ranges = this.ranges, oversize = true, onMissing }: ReadOptions): AsyncGenerator<LetterSlice> {
    const { servers, registry, prefix } = this.context;
    const options = { signal, ...(onMissing ? { onMissing } : {}) };
    const reader = new LogReaderOf(servers.kafka, ranges, options, letterRecordOf);
    for await (const { partition, messages, next } of reader.slices()) {
      const read = messages.map((message) => readLetter(message, { registry, prefix }));
      yield { ...sorted(read), at: { partition, next } };
    }
    if (oversize) yield* this.oversize(signal);
  }

  /** The heads of all letters: many times as fast, but no messages. */
  async *heads(signal: AbortSignal): AsyncGenerator<Sorted<LetterHead>> {
    const { servers, registry, prefix } = this.context;
    const reader = new LogReaderOf(servers.kafka, this.ranges, { signal }, headReading({ registry, prefix }));
    for await (const { messages } of reader.slices()) yield sorted(messages);
    yield* this.oversize(signal);
  }

  private async *oversize(signal: AbortSignal): AsyncGenerator<LetterSlice> {
    const { servers, registry, prefix } = this.context;
    const isOver = () => signal.aborted;
    if (isOver()) return;
    for await (const page of oversizeLetters(servers.dataSource, this.name)) {
      yield { ...sorted(page.map((record) => readLetter(record, { registry, prefix }, true))), at: undefined };
      if (isOver()) return;
    }
  }
}

function sorted<L extends LetterHead>(read: readonly (L | Unreadable)[]): Sorted<L> {
  const letters: L[] = [];
  const unreadable: Unreadable[] = [];
  for (const one of read) {
    if ('why' in one) unreadable.push(one);
    else letters.push(one);
  }
  return { letters, unreadable };
}
