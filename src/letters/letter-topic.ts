import type { Servers } from '../servers.js';
import { sourceTopics } from '../servers.js';
import { EXIT, UserError } from '../errors.js';
import type { EventType } from '../event/event.js';
import { LogReader, type Missing, type Range } from '../kafka/log-reader.js';
import { oversizeLetters } from '../postgres/oversize.js';
import { isLetter, readLetter, type DeadLetter, type Unreadable } from './dead-letter.js';

interface Context {
  readonly servers: Pick<Servers, 'admin' | 'dataSource' | 'ends' | 'kafka'>;
  readonly registry: ReadonlyMap<string, EventType>;
  readonly prefix: string;
}

/** What was read at once: of one partition in order, or some of the oversize letters. */
export interface LetterSlice {
  readonly letters: readonly DeadLetter[];
  readonly unreadable: readonly Unreadable[];
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
   * @throws UserError where there is no such topic, or it is a source topic
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
  isForeign({ origin }: DeadLetter): boolean {
    return !this.own.has(origin.topic);
  }

  /** What is in the topic, each partition in order, then the oversize letters. */
  async *read({ signal, ranges = this.ranges, oversize = true, onMissing }: ReadOptions): AsyncGenerator<LetterSlice> {
    const { servers, registry, prefix } = this.context;
    const reader = new LogReader(servers.kafka, ranges, { signal, ...(onMissing ? { onMissing } : {}) });
    for await (const { partition, messages, next } of reader.slices()) {
      const read = messages.map((message) => readLetter(message, { registry, prefix }));
      yield { ...sorted(read), at: { partition, next } };
    }
    const isOver = () => signal.aborted;
    if (!oversize || isOver()) return;
    for await (const page of oversizeLetters(servers.dataSource, this.name)) {
      yield { ...sorted(page.map((record) => readLetter(record, { registry, prefix }, true))), at: undefined };
      if (isOver()) return;
    }
  }
}

function sorted(read: readonly (DeadLetter | Unreadable)[]): Pick<LetterSlice, 'letters' | 'unreadable'> {
  const letters: DeadLetter[] = [];
  const unreadable: Unreadable[] = [];
  for (const one of read) {
    if (isLetter(one)) letters.push(one);
    else unreadable.push(one);
  }
  return { letters, unreadable };
}
