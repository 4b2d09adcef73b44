import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { EXIT, reasonOf, UserError } from '../errors.js';
import { isPassing, protocolErrorOf } from './protocol-error.js';
import { awaitLeaders } from './topics.js';
import { changeSetting, settingsOf, type Setting } from './topic-settings.js';

/** What our headers may add to a message. */
const LETTER_HEADERS = 64 * 1024;
/** Kafka's own limit of a message where nobody set another. */
const USUAL_MESSAGE_BYTES = 1_048_588;

/** What a dead-letter topic must have to take the letters of its sources. */
interface Shape {
  readonly partitions: number;
  readonly replicas: number;
  readonly messageBytes: number;
}

/**
 * Refused messages would be read again, and refused again.
 *
 * @param sources every source topic that there may be, also those that do not exist yet
 * @throws UserError where the dead-letter topic is one of them
 */
export function refuseSourceForLetters(topic: string, sources: readonly string[]): void {
  if (!sources.includes(topic)) return;
  const why = `The dead-letter topic ${topic} is a source topic too: every refused message would be read again`;
  throw new UserError(`${why}. Set DLQ_TOPIC to another name.`, EXIT.refused);
}

/**
 * Makes sure that the dead-letter topic is there and loses nothing. It is created as wide as the widest source topic,
 * with unlimited retention; where it takes smaller messages than its sources, that is mended.
 *
 * @param sources source topics; those that do not exist are left out
 * @returns whether it was created now
 * @throws UserError where it is compacted, deletes letters, or cannot be created
 */
export async function ensureDeadLetterTopic(
  admin: Admin,
  topic: string,
  sources: readonly string[],
  log: Logger,
): Promise<boolean> {
  const present = await admin.listTopics();
  const shape = await shapeFor(
    admin,
    sources.filter((source) => present.includes(source)),
  );
  if (!present.includes(topic)) return create(admin, topic, shape);
  const settings = (await settingsOf(admin, [topic])).get(topic) ?? new Map<string, Setting>();
  refuseLoss(topic, settings);
  await warnOfLoss(admin, topic, settings, log);
  await widen(admin, topic, settings, shape.messageBytes, log);
  return false;
}

async function shapeFor(admin: Admin, sources: readonly string[]): Promise<Shape> {
  const { topics } = sources.length > 0 ? await admin.fetchTopicMetadata({ topics: [...sources] }) : { topics: [] };
  const settings = await settingsOf(admin, sources);
  const sizes = [...settings.values()].map((of) => Number(of.get('max.message.bytes')?.value ?? 0));
  const replicas = topics.flatMap(({ partitions }) => partitions.map((partition) => partition.replicas.length));
  return {
    partitions: Math.max(1, ...topics.map(({ partitions }) => partitions.length)),
    replicas: Math.max(1, ...replicas),
    messageBytes: Math.max(USUAL_MESSAGE_BYTES, ...sizes) + LETTER_HEADERS,
  };
}

async function create(admin: Admin, topic: string, { partitions, replicas, messageBytes }: Shape): Promise<boolean> {
  const settings = {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'max.message.bytes': String(messageBytes),
    // With three copies one may be away and letters are still in two; with two, that would stop them.
    ...(replicas > 2 ? { 'min.insync.replicas': '2' } : {}),
  };
  try {
    const isNew = await admin.createTopics({
      waitForLeaders: false, // kafkajs gives up over a broker that does not know of it yet
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: replicas,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    await awaitLeaders(admin, [topic]);
    return isNew;
  } catch (error) {
    const type = protocolErrorOf(error);
    if (type === undefined || isPassing(error)) throw error;
    const wanted = [`${partitions} partitions`, `replication factor ${replicas}`];
    const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const remedy = `Create it with ${[...wanted, ...given].join(', ')}, or let this user create it.`;
    throw new UserError(
      `Kafka does not let us create the dead-letter topic ${topic}: ${type}. ${remedy}`,
      EXIT.refused,
    );
  }
}

function refuseLoss(topic: string, settings: ReadonlyMap<string, Setting>): void {
  const policy = settings.get('cleanup.policy')?.value ?? '';
  const time = Number(settings.get('retention.ms')?.value ?? -1);
  const bytes = Number(settings.get('retention.bytes')?.value ?? -1);
  if (!policy.includes('compact') && time < 0 && bytes < 0) return;
  const how = `cleanup.policy=${policy}, retention.ms=${time}, retention.bytes=${bytes}`;
  const remedy =
    'Set cleanup.policy=delete, retention.ms=-1 and retention.bytes=-1 on it, or DLQ_TOPIC to another name';
  throw new UserError(`The dead-letter topic ${topic} could lose letters (${how}). ${remedy}.`, EXIT.refused);
}

async function warnOfLoss(
  admin: Admin,
  topic: string,
  settings: ReadonlyMap<string, Setting>,
  log: Logger,
): Promise<void> {
  const least = Number(settings.get('min.insync.replicas')?.value ?? 1);
  if (least > 1) return;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const replicas = Math.max(
    0,
    ...topics.flatMap(({ partitions }) => partitions.map((partition) => partition.replicas.length)),
  );
  if (replicas < 2) return;
  const why = `letters in ${topic} may be lost with one broker: it takes them while only one of ${replicas} replicas has them`;
  log.warn({ topic, replicas }, `${why}; set min.insync.replicas=2 on it`);
}

/** Lets the topic take messages of this size. Where that is not allowed, what is too large goes to the table. */
async function widen(
  admin: Admin,
  topic: string,
  settings: ReadonlyMap<string, Setting>,
  bytes: number,
  log: Logger,
): Promise<void> {
  const before = Number(settings.get('max.message.bytes')?.value ?? bytes);
  if (before >= bytes) return;
  try {
    await changeSetting(admin, topic, 'max.message.bytes', String(bytes));
    log.info({ topic, before, bytes }, `max.message.bytes of ${topic} was raised, so that every letter fits`);
  } catch (error) {
    const why = `max.message.bytes of ${topic} is ${before}, and could not be raised to ${bytes}: ${reasonOf(error)}`;
    log.warn({ topic, before, bytes }, `${why}; letters that are too large are kept in dbw.oversize_letters`);
  }
}
