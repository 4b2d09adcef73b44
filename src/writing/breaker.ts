import type { Logger } from 'pino';
import type { Refusal } from '../event/decode.js';
import { reasonOf } from '../errors.js';
import type { BreakerRows, OpenBreaker, Opening } from '../postgres/breakers.js';
import { RecentEvents, WINDOW } from './recent.js';
import { Trial } from './trial.js';

/** Between two trials of a topic. */
export const TRIAL_MS = 30_000;

interface Parts {
  /** DLQ_MAX_RATE: the share of the last 1,000 finished events above which a topic opens. 0: never, nor by others' records. */
  readonly maxRate: number;
  readonly rows: Pick<BreakerRows, 'load' | 'open' | 'close'>;
  /** Milliseconds of a clock that is never set back. */
  readonly now: () => number;
  /** The topic is to be read no more. May be told of topics that this process does not read: the group shares its records. */
  readonly onOpen: (topic: string) => void;
  /** The topic is to be read again from its finished positions. */
  readonly onClose: (topic: string) => void;
  readonly log: Logger;
}

interface Open {
  readonly opening: Opening;
  /** When it opened, as far as this process knows; milliseconds since 1970. */
  readonly since: number;
  /** Which record in PostgreSQL says so; undefined until it is known to be there. */
  recordedAt: string | undefined;
  /** When the next trial may begin. */
  dueAt: number;
  /** The one that gathers its events or waits to be judged. */
  trial: Trial | undefined;
}

/** A refusal's cause without what differs from event to event: array indexes. */
function causeOf({ reason, code, path }: Refusal): string {
  return `${reason} ${code} ${path.replace(/\/\d+(?=\/|$)/g, '/*')}`.trimEnd();
}

/**
 * Keeps a bad deploy from draining a topic into the dead letters: a topic of whose last 1,000 finished events too many were
 * refused opens, and is not read until most of a few tried events are accepted. The bound is a number of events
 * (501 at a rate of 0.5), also where fewer than 1,000 have finished: a small sample opens nothing.
 *
 * The instances of a group share what is open by records in PostgreSQL; the counts are each instance's own, and begin anew
 * with it. What is in memory decides at once, and is recorded as soon as PostgreSQL takes it.
 */
export class Breakers {
  private readonly recent = new Map<string, RecentEvents>();
  private readonly opened = new Map<string, Open>();
  /** Topics that closed and whose record is still to be deleted, with the opening that it tells of. */
  private readonly closed = new Map<string, string>();
  private readonly mostRefused: number;
  private lastSync: Promise<void> = Promise.resolve();

  constructor(private readonly parts: Parts) {
    this.mostRefused = parts.maxRate * WINDOW;
  }

  private get isOff(): boolean {
    return this.parts.maxRate === 0;
  }

  /** What is open and why, for the probes and the metrics. */
  list(): { topic: string; since: number; reason: string }[] {
    return [...this.opened].map(([topic, { opening, since }]) => ({ topic, since, reason: opening.reason }));
  }

  isOpen(topic: string): boolean {
    return this.opened.has(topic);
  }

  /**
   * A batch has finished: its refused events are in the dead-letter topic, the others in PostgreSQL.
   *
   * @param accepted how many of the topic's events in the batch were not dead-lettered
   */
  finished(topic: string, accepted: number, refusals: readonly Refusal[]): void {
    if (this.isOff || this.isOpen(topic)) return;
    let recent = this.recent.get(topic);
    if (!recent) {
      recent = new RecentEvents();
      this.recent.set(topic, recent);
    }
    recent.add(accepted, refusals.map(causeOf));
    const { refused, finished } = recent;
    if (refused <= this.mostRefused) return;
    this.begin(topic, { refused, finished, reason: recent.mostFrequent() }, this.parts.now() + TRIAL_MS);
    this.record();
  }

  private begin(topic: string, opening: Opening, dueAt: number, recordedAt?: string): void {
    this.opened.set(topic, { opening, since: Date.now(), dueAt, recordedAt, trial: undefined });
    this.recent.delete(topic);
    const remedy =
      'roll the producer or dbw back, or mend what the reason names; its letters in the dead-letter topic tell more';
    const about = { topic, ...opening, maxRate: this.parts.maxRate, trialEveryS: TRIAL_MS / 1000 };
    const what = `too many events of ${topic} are refused, mostly for "${opening.reason}": it is not read any more`;
    const then = 'a few events are tried now and then, and reading goes on by itself when they are accepted';
    this.parts.log.error(about, `${what}; ${remedy}; ${then}. DLQ_MAX_RATE sets the bound`);
    this.parts.onOpen(topic);
  }

  private end(topic: string, why: string): void {
    this.opened.delete(topic);
    this.parts.log.info({ topic }, `${topic} is read again: ${why}`);
    this.parts.onClose(topic);
  }

  /**
   * The trial of an open topic that is to be offered the next messages; begun here when one is due. Undefined while none is
   * due, while the last one waits for its judgement, and where the topic is not open.
   */
  trial(topic: string): Trial | undefined {
    const open = this.opened.get(topic);
    if (!open || open.trial?.isReady) return undefined;
    if (!open.trial && this.parts.now() >= open.dueAt) open.trial = new Trial(topic);
    return open.trial;
  }

  /** Throws away what a trial has gathered, where its partitions were taken or it could not be tried; a new one is due at once. */
  abandon(trial: Trial): void {
    const open = this.opened.get(trial.topic);
    if (open?.trial === trial) open.trial = undefined;
  }

  /**
   * The events of a trial were tried: the topic closes when at most half of them were refused, else the next trial is
   * due in 30 s. A trial of an opening that is over decides nothing.
   *
   * @param refusals of the trial's messages, one for each that was refused
   * @returns whether the topic is read again
   */
  judge(trial: Trial, refusals: readonly Refusal[]): boolean {
    const { topic } = trial;
    const open = this.opened.get(topic);
    if (open?.trial !== trial) return !open;
    const tried = trial.messages.length;
    const refused = refusals.length;
    if (tried > 0 && refused * 2 <= tried) {
      if (open.recordedAt !== undefined) this.closed.set(topic, open.recordedAt);
      this.end(topic, `${tried - refused} of ${tried} tried events were accepted`);
      this.record();
      return true;
    }
    open.trial = undefined;
    open.dueAt = this.parts.now() + TRIAL_MS;
    const causes = new RecentEvents();
    causes.add(0, refusals.map(causeOf));
    const about = { topic, tried, refused, reason: causes.mostFrequent() };
    this.parts.log.warn(about, `${topic} stays unread: ${refused} of ${tried} tried events were refused`);
    return false;
  }

  /**
   * Takes over what was open when the last process ended; its first trial is due at once, since whoever starts a process
   * anew has often mended something.
   *
   * @throws what PostgreSQL says
   */
  load(): Promise<void> {
    return this.sync(0);
  }

  /**
   * Records what is not recorded yet, and takes over what other instances of the group have opened and closed. To be called
   * every few seconds.
   *
   * @throws what PostgreSQL says; what is in memory holds meanwhile
   */
  refresh(): Promise<void> {
    return this.sync(TRIAL_MS);
  }

  private record(): void {
    this.refresh().catch((error: unknown) => {
      this.parts.log.warn(`cannot record which topics are unread: ${reasonOf(error)}; tried again`);
    });
  }

  /** One after the other: an answer that is older than a record of ours must not undo it. */
  private sync(dueInMs: number): Promise<void> {
    if (this.isOff) return Promise.resolve();
    const run = this.lastSync.then(async () => {
      await this.write();
      this.adopt(await this.parts.rows.load(), dueInMs);
    });
    this.lastSync = run.catch(() => undefined);
    return run;
  }

  private async write(): Promise<void> {
    const { rows } = this.parts;
    for (const [topic, openedAt] of [...this.closed]) {
      await rows.close(topic, openedAt);
      if (this.closed.get(topic) === openedAt) this.closed.delete(topic);
    }
    for (const [topic, { opening, recordedAt }] of [...this.opened]) {
      if (recordedAt === undefined) await rows.open(topic, opening);
    }
  }

  private adopt(records: readonly OpenBreaker[], dueInMs: number): void {
    const recorded = new Set<string>();
    for (const { topic, openedAt, refused, finished, reason } of records) {
      recorded.add(topic);
      if (this.closed.has(topic)) continue; // closed while PostgreSQL was asked
      const open = this.opened.get(topic);
      if (open) open.recordedAt = openedAt;
      else this.begin(topic, { refused, finished, reason }, this.parts.now() + dueInMs, openedAt);
    }
    for (const [topic, { recordedAt }] of [...this.opened]) {
      // What opened while PostgreSQL was asked has no record yet.
      if (recordedAt !== undefined && !recorded.has(topic))
        this.end(topic, 'another instance of the group found it well');
    }
  }
}
