import type { Admin, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { Config } from './config.js';
import { EXIT, reasonOf, UserError } from './errors.js';
import { registry } from './handlers/index.js';
import { connectAdmin, createKafka } from './kafka/client.js';
import { registerCodecs } from './kafka/codecs.js';
import { LogIdentities } from './kafka/identities.js';
import { LogEnds } from './kafka/log-ends.js';
import { ensureDeadLetterTopic, refuseSourceForLetters } from './kafka/dead-letter-topic.js';
import { LetterBox } from './kafka/letters.js';
import { longestRetention, refuseCompacted } from './kafka/topic-settings.js';
import type { Marks } from './writing/marks.js';
import { connect } from './postgres/data-source.js';
import { refuseUnfit } from './postgres/fitness.js';
import { requireSchema } from './postgres/migrate.js';
import { keepOversize } from './postgres/oversize.js';
import { ProcessedEvents } from './postgres/processed.js';
import { dutyOf, type Duty } from './postgres/rights.js';
import { Session } from './postgres/session.js';

const DAY_MS = 86_400_000;
/** Ids are kept for at least this long; one day more than Kafka's usual retention of a week. */
const KEPT_DAYS = 8;
/** Where a source keeps its records for ever, ids are kept this long; later duplicates meet the tables' own protection. */
const MOST_KEPT_DAYS = 400;

/** What `consume` talks to, connected and checked. */
export interface Servers {
  readonly dataSource: DataSource;
  readonly processed: ProcessedEvents;
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** Which cluster and which topics these are. */
  readonly logs: LogIdentities;
  /** Where their logs begin and end. */
  readonly ends: LogEnds;
  readonly marks: Marks | undefined;
  readonly close: () => Promise<void>;
}

/** The topics of the registry, or of some of its event types. Throws UserError for a type that is not in it. */
export function sourceTopics(prefix: string, types: readonly string[] | undefined): string[] {
  for (const type of types ?? []) {
    if (!registry.has(type)) {
      throw new UserError(
        `There is no event type "${type}". Type: dbw events, to see all ${registry.size}.`,
        EXIT.usage,
      );
    }
  }
  return (types ?? [...registry.keys()]).map((type) => prefix + type);
}

async function connectKafka(config: Config, log: Logger): Promise<{ kafka: Kafka; admin: Admin }> {
  const kafka = createKafka(config.kafka, log);
  return { kafka, admin: await connectAdmin(kafka, config.kafka) };
}

/**
 * Connects to everything and refuses what would lose events.
 *
 * @param duty what is going to be done with the database: its role must have the rights for that
 * @throws UserError where a server is away, refuses us, or is not fit
 */
export async function openServers(
  config: Config,
  version: string,
  log: Logger,
  duty: Duty = 'keep house',
): Promise<Servers> {
  refuseSourceForLetters(config.deadLetters.topic, sourceTopics(config.kafka.topicPrefix, undefined));
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer().catch(() => undefined);
  };
  try {
    const dataSource = await connect(config.database, config.kafka.clientId);
    closers.push(() => dataSource.destroy());
    await refuseUnfit(dataSource, log, duty);
    await requireSchema(dataSource, version);
    const { kafka, admin } = await connectKafka(config, log);
    closers.push(() => admin.disconnect());
    const logs = new LogIdentities(kafka);
    closers.push(() => logs.close());
    const ends = new LogEnds(kafka);
    closers.push(() => ends.close());
    await registerCodecs();
    const { redis } = config;
    // Its client is loaded where there is a Redis: not for each command that asks here for a name.
    const marks =
      redis &&
      (await import('./writing/marks.js')).Marks.open(redis, config.idempotencyTtl, (connected, refusal) => {
        const instead = 'duplicates are told apart by PostgreSQL alone, a little slower';
        if (connected) log.info('Redis answers');
        else log.warn(refusal === undefined ? `Redis is away: ${instead}` : `${refusal} Until then ${instead}`);
      });
    if (marks) closers.push(() => marks.close());
    return { dataSource, processed: new ProcessedEvents(), kafka, admin, logs, ends, marks, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Sees to the days of ids: those to come have partitions, those that no source can deliver again are dropped.
 *
 * @param log where given, days that cannot be dropped now are no failure, but told
 */
export async function keepHouse(
  { dataSource, processed, admin }: Pick<Servers, 'dataSource' | 'processed' | 'admin'>,
  topics: readonly string[],
  log?: Logger,
): Promise<void> {
  const keptDays = await daysToKeep(admin, topics);
  await processed.maintain(dataSource, keptDays);
  await processed.drop(dataSource, keptDays).catch((error: unknown) => {
    if (!log) throw error;
    log.warn(`days of old ids cannot be dropped now: ${reasonOf(error)}; tried again within the hour`);
  });
}

/** Sees to the days of ids where the role may, and learns which there are: a role without house to keep leaves it to `consume`. */
export async function keepDays(
  { dataSource, processed, admin }: Pick<Servers, 'dataSource' | 'processed' | 'admin'>,
  topics: readonly string[],
): Promise<void> {
  if ((await dutyOf(dataSource)) === 'keep house') {
    await processed.maintain(dataSource, await daysToKeep(admin, topics));
  } else await processed.load(dataSource);
}

/** How many days of ids to keep: as long as any source may deliver an event again. */
async function daysToKeep(admin: Admin, topics: readonly string[]): Promise<number> {
  const retention = await longestRetention(admin, topics);
  return Math.min(MOST_KEPT_DAYS, Math.max(KEPT_DAYS, Math.ceil(retention / DAY_MS) + 1));
}

/**
 * Opens the dead-letter topic once the first source topic tells how wide it must be.
 *
 * @throws UserError where a source or the dead-letter topic would lose messages
 */
export async function openLetterBox(
  servers: Pick<Servers, 'admin' | 'dataSource' | 'kafka'>,
  topic: string,
  sources: readonly string[],
  log: Logger,
): Promise<LetterBox> {
  const { admin, dataSource, kafka } = servers;
  await refuseCompacted(admin, sources);
  if (await ensureDeadLetterTopic(admin, topic, sources, log)) log.info({ topic }, 'the dead-letter topic was created');
  return LetterBox.open(kafka, topic, {
    keep: (letter) => Session.with(dataSource, (session) => keepOversize(session, topic, letter)),
    restoreTopic: async () => {
      if (!(await ensureDeadLetterTopic(admin, topic, sources, log))) return;
      log.error(
        { topic },
        'the dead-letter topic was gone, and with it the letters that it held; it was created again',
      );
    },
  });
}
