import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { decode, type Event, type Refusal } from '../event/decode.js';
import type { Message } from '../event/message.js';
import { registry, tables } from '../handlers/index.js';
import { LetterBox } from '../kafka/letters.js';
import { messageOf, type DeadLetter } from '../letters/dead-letter.js';
import { letterOf, type Letter } from '../letters/letter.js';
import { keepOversize } from '../postgres/oversize.js';
import { unpark } from '../postgres/parked.js';
import { processedAmong } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';
import type { Servers } from '../servers.js';
import type { Tracing, Ways } from '../tracing/tracing.js';
import { Parking } from '../writing/parking.js';
import { persisting, refusalOf } from '../writing/persist.js';
import { Rehearsal } from '../writing/rehearsal.js';
import { Store } from '../writing/store.js';
import { causeOf, type Fate } from './fates.js';

const ASK = 5_000;

interface Context {
  readonly config: Config;
  readonly servers: Servers;
  /** The dead-letter topic that letters come from, and go back to. */
  readonly topic: string;
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
  /** Aborted when the work is to end. */
  readonly signal: AbortSignal;
}

/** Letters as events, in the order given; what cannot be one has its fate already. */
interface Understood {
  readonly events: readonly Event[];
  readonly letterOf: ReadonlyMap<Event, DeadLetter>;
  readonly refused: readonly { letter: DeadLetter; message: Message; refusal: Refusal; attempts: number }[];
  readonly empty: readonly DeadLetter[];
}

/** Puts letters through the write path, or finds out what it would make of them. */
export class LetterWriter {
  private readonly store: Store;
  private readonly parking: Parking;
  private readonly rehearsal: Rehearsal;
  private readonly boxes = new Map<string, Promise<LetterBox>>();

  constructor(private readonly context: Context) {
    const { config, servers, log, signal } = context;
    const { dataSource, processed, marks } = servers;
    this.store = new Store(dataSource, tables, processed, marks);
    this.rehearsal = new Rehearsal(dataSource, this.store, signal);
    this.parking = new Parking({
      ...{ dataSource, store: this.store, registry, tables, prefix: config.kafka.topicPrefix, log },
      maxAttempts: config.retry.attempts,
      onWritten: () => undefined,
      // What was parked before, and cannot be written now that its row has come.
      sendLetters: async (givenUp) => {
        const { clientId } = config.kafka;
        const letters = givenUp.map(({ message, refusal, attempts }) =>
          letterOf(message, refusal, { attempts, clientId }),
        );
        await this.send(config.deadLetters.topic, letters);
      },
    });
  }

  private understand(letters: readonly DeadLetter[]): Understood {
    const { topicPrefix } = this.context.config.kafka;
    const events: Event[] = [];
    const letterOf = new Map<Event, DeadLetter>();
    const refused: Understood['refused'][number][] = [];
    const empty: DeadLetter[] = [];
    for (const letter of letters) {
      const message = messageOf(letter, topicPrefix);
      const decoded = decode(message, registry, topicPrefix);
      if (decoded.kind === 'tombstone') empty.push(letter);
      else if (decoded.kind === 'refusal') refused.push({ letter, message, refusal: decoded.refusal, attempts: 1 });
      else {
        events.push(decoded.event);
        letterOf.set(decoded.event, letter);
      }
    }
    return { events, letterOf, refused, empty };
  }

  /** Writes letters; when it resolves, each is in PostgreSQL, or in the dead-letter topic again. */
  async apply(letters: readonly DeadLetter[]): Promise<Fate[]> {
    const { config, topic, tracing, log, signal } = this.context;
    const ways: Ways = {
      persist: persisting({
        ...{ store: this.store, log, retry: config.retry, signal },
        onRetry: () => undefined,
        onTrouble: () => undefined,
      }),
      send: (again) => this.send(topic, again),
    };
    if (!tracing) return this.write(letters, ways);
    const messages = letters.map((letter) => messageOf(letter, config.kafka.topicPrefix));
    return tracing.batch(messages, ways, (watched) => this.write(letters, watched));
  }

  private async write(letters: readonly DeadLetter[], { persist, send }: Ways): Promise<Fate[]> {
    const { servers } = this.context;
    const { events, letterOf: from, refused, empty } = this.understand(letters);
    const { written, refused: late } = await persist(events);
    const dead = [
      ...refused,
      ...late.flatMap(({ event, refusal, attempts }) => {
        const letter = from.get(event);
        return letter ? [{ letter, message: event.message, refusal, attempts }] : [];
      }),
    ];
    if (dead.length > 0) await send(this.again(dead));
    const fates = this.fatesOf(letters, from, (fateOf) => {
      for (const { applied, duplicates, collisions, waiting, again = [] } of written) {
        for (const event of applied) fateOf(event, 'applied');
        for (const event of [...duplicates, ...collisions]) fateOf(event, 'alreadyApplied');
        for (const event of again) fateOf(event, 'parked', 'waits, as before');
        for (const one of waiting) fateOf(one.event, 'parked', `waits for a row of ${one.need.table.name}`);
      }
    });
    // What waited and was given up stayed parked: it waits no longer.
    const gone = written
      .flatMap(({ applied }) => applied)
      .filter((event) => from.get(event)?.reason === 'missing_reference');
    if (gone.length > 0) await Session.with(servers.dataSource, (session) => unpark(session, gone));
    for (const one of written) this.parking.noticed(one);
    await this.parking.wakeWanted();
    return [...fates, ...this.doomed(dead), ...this.nothings(empty)];
  }

  /** Finds out what `apply` would do, and changes nothing. */
  async rehearse(letters: readonly DeadLetter[]): Promise<Fate[]> {
    const { events, letterOf: from, refused, empty } = this.understand(letters);
    const would = await this.rehearsal.of(events);
    const fates = this.fatesOf(letters, from, (fateOf) => {
      for (const event of would.applied) fateOf(event, 'applied');
      for (const event of would.duplicates) fateOf(event, 'alreadyApplied');
      for (const one of would.waiting) fateOf(one.event, 'parked', `waits for a row of ${one.need.table.name}`);
      for (const event of would.unclear) fateOf(event, 'unclear', 'others hold its rows');
      for (const { item, error } of would.guilty) fateOf(item, 'deadAgain', causeOf(refusalOf(item, error)));
    });
    return [...fates, ...this.doomed(refused), ...this.nothings(empty)];
  }

  /**
   * Which of the events that had to wait are applied by now, or, after a rehearsal, would be.
   *
   * @param isRehearsal whether they were rehearsed
   */
  async came(eventIds: readonly string[], isRehearsal: boolean): Promise<string[]> {
    if (isRehearsal) return this.rehearsal.came();
    const came: string[] = [];
    for (let start = 0; start < eventIds.length; start += ASK) {
      const some = eventIds.slice(start, start + ASK);
      came.push(...(await Session.with(this.context.servers.dataSource, (session) => processedAmong(session, some))));
    }
    return came;
  }

  private fatesOf(
    letters: readonly DeadLetter[],
    from: ReadonlyMap<Event, DeadLetter>,
    tell: (fateOf: (event: Event, outcome: Fate['outcome'], why?: string) => void) => void,
  ): Fate[] {
    const fates = new Map<DeadLetter, Fate>();
    tell((event, outcome, why) => {
      const letter = from.get(event);
      if (letter) fates.set(letter, { letter, outcome, ...(why === undefined ? {} : { why }) });
    });
    return letters.flatMap((letter) => fates.get(letter) ?? []);
  }

  private doomed(refused: Understood['refused']): Fate[] {
    return refused.map(({ letter, refusal }) => ({ letter, outcome: 'deadAgain', why: causeOf(refusal) }));
  }

  private nothings(letters: readonly DeadLetter[]): Fate[] {
    return letters.map((letter) => ({ letter, outcome: 'skipped', why: 'the message has no value' }));
  }

  /** What died again is a new letter of the same identity. */
  private again(dead: Understood['refused']): Letter[] {
    const { clientId } = this.context.config.kafka;
    return dead.map(({ letter, message, refusal, attempts }) =>
      letterOf({ ...message, ...letter.origin }, refusal, {
        ...{ attempts, clientId, replays: letter.replays + 1 },
        firstFailedAt: new Date(letter.firstFailedAt).toISOString(),
      }),
    );
  }

  private async send(topic: string, letters: readonly Letter[]): Promise<void> {
    if (letters.length === 0) return;
    const { config, log, signal } = this.context;
    let opened = this.boxes.get(topic);
    if (!opened) this.boxes.set(topic, (opened = this.open(topic)));
    const { delayMs } = config.retry;
    await (await opened).sendPatiently(letters, { signal, onRetry: () => undefined, delayMs, log });
  }

  private open(topic: string): Promise<LetterBox> {
    const { kafka, dataSource } = this.context.servers;
    return LetterBox.open(kafka, topic, {
      keep: (letter) => Session.with(dataSource, (session) => keepOversize(session, topic, letter)),
      restoreTopic: () => Promise.resolve(), // it was there a moment ago: whoever deleted it wants to know
    });
  }

  async close(): Promise<void> {
    for (const opened of this.boxes.values()) await (await opened).close();
  }
}
