import type { Kafka } from 'kafkajs';
import { EXIT, UserError } from '../errors.js';
import { LogReader, type Range } from '../kafka/log-reader.js';
import { registry } from '../handlers/index.js';
import type { Selection } from '../postgres/runs.js';
import { sourceTopics, type Servers } from '../servers.js';
import { findRanges, type Asked, type Found } from './ranges.js';
import { parseWhen } from './when.js';
import { partitionName } from '../kafka/topic-partition.js';

/** Which part of history is meant, as it was typed. */
export interface Choice {
  /** Event types, or names of topics. */
  readonly topics: readonly string[];
  readonly partitions?: readonly number[] | undefined;
  readonly fromOffset?: number | undefined;
  readonly fromTime?: string | undefined;
  readonly toOffset?: number | undefined;
  readonly toTime?: string | undefined;
}

/** The source topics that are meant. Throws UserError for what is neither event type nor source topic. */
export function topicsOf(names: readonly string[], prefix: string): string[] {
  const types = names.map((name) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    return registry.has(name) || !registry.has(rest) ? name : rest;
  });
  return [...new Set(sourceTopics(prefix, types))];
}

/** A choice by the names of its flags: equal ones are the same work, also where a time is an age. */
export function selectionOf(choice: Choice, reapply: boolean): Selection {
  const { topics, partitions, fromOffset, fromTime, toOffset, toTime } = choice;
  return {
    topic: [...topics].sort(),
    ...(partitions ? { partition: partitions.map(String).sort() } : {}),
    ...(fromOffset === undefined ? {} : { 'from-offset': fromOffset }),
    ...(fromTime === undefined ? {} : { 'from-time': fromTime }),
    ...(toOffset === undefined ? {} : { 'to-offset': toOffset }),
    ...(toTime === undefined ? {} : { 'to-time': toTime }),
    ...(reapply ? { reapply } : {}),
  };
}

/**
 * Finds the part of history that is meant, as it is in Kafka now.
 *
 * @throws UserError where there is no such topic or partition, or no event in the range
 */
export async function findHistory(
  { admin, ends }: Pick<Servers, 'admin' | 'ends'>,
  choice: Choice,
  prefix: string,
): Promise<Found> {
  const now = Date.now();
  const timeOf = (text: string | undefined) => (text === undefined ? undefined : parseWhen(text, now));
  const topics = topicsOf(choice.topics, prefix);
  const asked: Asked = { ...choice, topics, fromTime: timeOf(choice.fromTime), toTime: timeOf(choice.toTime) };
  const present = new Set(await admin.listTopics());
  const away = topics.find((topic) => !present.has(topic));
  if (away !== undefined) {
    throw new UserError(`There is no topic ${away} in Kafka. Is KAFKA_TOPIC_PREFIX right?`, EXIT.refused);
  }
  return findRanges(admin, await ends.ask(topics), asked);
}

/** One line of a plan: a partition's range, and when its first and last record were written (ISO 8601). */
export interface PlannedRange extends Range {
  /** Records; control and aborted ones count, for only reading can tell them apart. */
  readonly events: number;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
}

/** Nobody waits longer for the times of a plan. */
const TIMES_MS = 5_000;

/** Asks for the first and the last record of each range, to say from when they are. */
export async function withTimes(kafka: Kafka, ranges: readonly Range[], stop: AbortSignal): Promise<PlannedRange[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMES_MS)]);
  const timesAt = async (places: readonly Range[]): Promise<Map<string, string>> => {
    const times = new Map<string, string>();
    for await (const slice of new LogReader(kafka, places, { signal }).slices()) {
      const [message] = slice.messages;
      if (message) times.set(partitionName(slice), new Date(message.timestamp).toISOString());
    }
    return times;
  };
  const firsts = await timesAt(ranges.map((range) => ({ ...range, to: range.from + 1 })));
  const lasts = await timesAt(ranges.map((range) => ({ ...range, from: range.to - 1 })));
  return ranges.map((range) => ({
    ...range,
    events: range.to - range.from,
    firstAt: firsts.get(partitionName(range)) ?? null,
    lastAt: lasts.get(partitionName(range)) ?? null,
  }));
}
