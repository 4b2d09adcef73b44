import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backoff } from '../waiting/backoff.js';
import { beginnings, FINDINGS, type Beginning, type Gap } from './beginnings.js';
import { reasonOf } from '../errors.js';
import { Gaps } from './gaps.js';
import type { Lag } from './lag.js';
import type { Offsets, Position } from './offsets.js';
import type { Log, Positions, Stored } from '../postgres/positions.js';
import type { Servers } from '../servers.js';
import { partitionName, type TopicPartition } from '../kafka/topic-partition.js';

interface Parts {
  readonly servers: Pick<Servers, 'admin' | 'logs' | 'ends'>;
  readonly groupId: string;
  readonly offsets: Offsets;
  readonly lag: Lag;
  readonly positions: Positions;
  readonly log: Logger;
  /** Gaps that the operator knows of: where reading may go on. */
  readonly acceptGaps: readonly Position[];
  /** A partition must not be read until `recover` tells where to go on. */
  readonly onLost: (at: TopicPartition) => void;
  /** Whether everything that was read of a partition is written, and its offset stored. */
  readonly isSettled: (at: TopicPartition) => boolean;
  readonly delayMs: number;
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
}

function topicsOf(partitions: readonly TopicPartition[]): string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}

/** Where each partition of this process is to be read, in which log, and of which that is not known. */
export class Whereabouts {
  private logs: Log = { clusterId: '', topicIds: new Map() };
  private readonly waiting: Gaps;
  private readonly lost = new Map<string, TopicPartition>();
  /** How often partitions were given: what is found out for those of before does not count. */
  private round = 0;
  private isRecovering = false;

  constructor(private readonly parts: Parts) {
    this.waiting = new Gaps(parts.acceptGaps, parts.log);
  }

  /** Which log the positions that are finished now speak of. */
  get log(): Log {
    return this.logs;
  }

  get gaps(): readonly Gap[] {
    return this.waiting.list;
  }

  /** Whether a partition waits because events of it are lost. */
  isInGap(at: TopicPartition): boolean {
    return this.waiting.has(at);
  }

  /** Whether it is known where a partition goes on. */
  knows(at: TopicPartition): boolean {
    return !this.isInGap(at) && !this.lost.has(partitionName(at));
  }

  /** Partitions were given. Finds out where each begins; tries until it knows, or other ones are given, or the process is to end. */
  async begin(partitions: readonly TopicPartition[]): Promise<readonly Beginning[]> {
    const { log, delayMs, signal, servers, positions } = this.parts;
    const round = ++this.round;
    this.waiting.clear();
    this.lost.clear();
    for (let attempt = 1; !signal.aborted && round === this.round; attempt++) {
      try {
        const logs = await servers.logs.ask(topicsOf(partitions));
        return await this.ask(partitions, logs, () => positions.begin());
      } catch (error) {
        log.warn({ attempt }, `cannot find out where to begin yet: ${reasonOf(error)}`);
        await delay(backoff(delayMs, attempt), undefined, { signal }).catch(() => undefined);
      }
    }
    return [];
  }

  /** It is not known where a partition goes on. */
  lose(at: TopicPartition): void {
    this.lost.set(partitionName(at), at);
    this.parts.onLost(at);
  }

  /** The logs as they are now: partitions of topics that were made again are lost. */
  compare(now: Log, owned: readonly TopicPartition[]): void {
    for (const at of owned) {
      const [before, after] = [this.logs.topicIds.get(at.topic), now.topicIds.get(at.topic)];
      if (before !== undefined && after !== undefined && before !== after) this.lose(at);
    }
  }

  /**
   * Finds out where lost partitions go on, once what was read of them is written: it may be nowhere else any more. Those of
   * one topic together, since their positions must not speak of the wrong log.
   *
   * @param isHopeless whether nothing can be found out of a partition now
   * @returns where those go on that are found; the others are tried by the next call
   */
  async recover(
    owned: readonly TopicPartition[],
    isHopeless: (at: TopicPartition) => boolean,
  ): Promise<readonly Beginning[]> {
    if ([...this.lost.values()].every(isHopeless) || this.isRecovering) return [];
    this.isRecovering = true;
    try {
      const { round } = this;
      const logs = await this.parts.servers.logs.ask(topicsOf(owned));
      if (round !== this.round) return [];
      this.compare(logs, owned);
      const lost = owned.filter((at) => this.lost.has(partitionName(at)) && logs.topicIds.has(at.topic));
      const busy = new Set(topicsOf(lost.filter((at) => !this.parts.isSettled(at))));
      const settled = lost.filter(({ topic }) => !busy.has(topic));
      return await this.ask(settled, logs, () => this.parts.positions.loadSame());
    } finally {
      this.isRecovering = false;
    }
  }

  private async ask(
    partitions: readonly TopicPartition[],
    logs: Log,
    load: () => Promise<readonly Stored[]>,
  ): Promise<readonly Beginning[]> {
    const { servers, positions, groupId, offsets, lag, log } = this.parts;
    const { round } = this;
    const present = partitions.filter(({ topic }) => logs.topicIds.has(topic));
    const { starts, gaps } = await beginnings(servers.admin, servers.ends, load, groupId, present, logs);
    for (const start of starts) if (start.finding === 'truncated') await positions.forget(start);
    if (round !== this.round) return [];
    this.logs = { clusterId: logs.clusterId, topicIds: new Map([...this.logs.topicIds, ...logs.topicIds]) };
    const found = new Set([...starts, ...gaps].map(partitionName));
    for (const at of partitions) {
      if (found.has(partitionName(at))) this.lost.delete(partitionName(at));
      else this.lose(at); // its topic was deleted, or nobody leads it
    }
    const begun = [...starts];
    for (const start of starts) this.waiting.forget(start);
    for (const gap of gaps) {
      const beyond = this.waiting.beyond(gap);
      if (beyond) begun.push(beyond);
      else this.parts.onLost(gap);
    }
    for (const start of begun) {
      offsets.begin(start, start.isStored);
      lag.began(start, start.end);
      const { topic, partition, next, finding } = start;
      if (finding) log.warn({ topic, partition, next, finding }, FINDINGS[finding]);
    }
    return begun;
  }
}
