import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Assignment, type Cluster, type PartitionAssigner } from 'kafkajs';
import { assign, type Member, type Share } from './assignment.js';

const TRIES = 10;
const DELAY_MS = 200;

/**
 * Partitions of a topic, asked of a broker without making the leader of the group a reader of it: its own metadata would
 * fail for all topics when this one is deleted.
 *
 * @returns undefined where the topic stays unknown for two seconds
 */
async function askPartitions(cluster: Cluster, topic: string): Promise<number[] | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      const broker = await cluster.findControllerBroker();
      const { topicMetadata } = await broker.metadata([topic]);
      return topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata.map(({ partitionId }) => partitionId));
    } catch (error) {
      // A topic that was just made is unknown to some brokers, and without leaders, for a moment.
      if (!(error instanceof kafkajs.KafkaJSProtocolError)) throw error;
      if (attempt === TRIES && error.type === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
      if (attempt === TRIES || !error.retriable) throw error;
      await delay(DELAY_MS);
    }
  }
}

/** What a member read before; nothing where it does not say, or says what nobody can read. */
function ownedIn(userData: Buffer | null): Share {
  if (!userData || userData.length === 0) return new Map();
  try {
    return new Map(Object.entries(kafkajs.AssignerProtocol.MemberAssignment.decode(userData)?.assignment ?? {}));
  } catch {
    return new Map();
  }
}

const VERSION = 0;

/**
 * An assigner for groups whose members subscribe to different topics: during a deployment that adds an event type, or
 * with `--topics`. kafkajs' own gives partitions to members that did not ask for them, and those are read by nobody.
 *
 * @param owned what this member reads now, told to the leader so that it may stay
 */
export function balancedAssigner(owned: () => Readonly<Assignment> = () => ({})): PartitionAssigner {
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
  return ({ cluster, logger }) => ({
    name: 'dbw-balanced',
    version: VERSION,

    protocol({ topics }) {
      const userData = MemberAssignment.encode({ version: VERSION, assignment: owned(), userData: Buffer.alloc(0) });
      return { name: this.name, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },

    async assign({ members: group, topics: own }) {
      const members = group.map(({ memberId, memberMetadata }): Member => {
        const metadata = MemberMetadata.decode(memberMetadata);
        return { memberId, topics: metadata?.topics ?? [], owned: ownedIn(metadata?.userData ?? null) };
      });
      const union = [...new Set(members.flatMap(({ topics }) => topics))];
      const partitions = new Map<string, number[]>();
      await Promise.all(
        union.map(async (topic) => {
          const numbers = own.includes(topic)
            ? cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
            : await askPartitions(cluster, topic);
          if (numbers) partitions.set(topic, numbers);
          else logger.warn(`topic ${topic} does not exist: nobody reads it until the group shares its partitions anew`);
        }),
      );
      return [...assign(members, partitions)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          assignment: Object.fromEntries(share),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}
