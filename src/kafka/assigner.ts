import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Assignment, type Cluster, type PartitionAssigner } from 'kafkajs';

/** A member of a group: what it asks for, and what it read until now. */
export interface Member {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly owned?: ReadonlyMap<string, readonly number[]>;
}

/** Partitions by topic. */
type Share = Map<string, number[]>;

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly readers: readonly string[];
}

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/** Every partition that somebody subscribes to, those with the least choice first. */
function placesOf(members: readonly Member[], partitions: ReadonlyMap<string, readonly number[]>): Place[] {
  const places = [...partitions].flatMap(([topic, numbers]) => {
    const readers = members.filter(({ topics }) => topics.includes(topic)).map(({ memberId }) => memberId);
    return readers.length === 0 ? [] : numbers.map((partition) => ({ topic, partition, readers }));
  });
  return places.sort(
    (a, b) => a.readers.length - b.readers.length || byText(a.topic, b.topic) || a.partition - b.partition,
  );
}

/** Who has what while it is shared out. */
class Shares {
  private readonly owners = new Map<Place, string>();
  private readonly counts = new Map<string, number>();
  private readonly ofTopic = new Map<string, number>();

  count(member: string): number {
    return this.counts.get(member) ?? 0;
  }

  owner(place: Place): string | undefined {
    return this.owners.get(place);
  }

  give(place: Place, member: string): void {
    const before = this.owners.get(place);
    if (before !== undefined) this.add(place, before, -1);
    this.owners.set(place, member);
    this.add(place, member, 1);
  }

  private add({ topic }: Place, member: string, by: number): void {
    const key = `${topic}\n${member}`;
    this.counts.set(member, this.count(member) + by);
    this.ofTopic.set(key, (this.ofTopic.get(key) ?? 0) + by);
  }

  /** The reader with the least to do; among equals the one with less of this topic, which may be a busy one. */
  lightest({ topic, readers }: Place): string {
    const of = (member: string) => this.ofTopic.get(`${topic}\n${member}`) ?? 0;
    const lighter = (a: string, b: string) => this.count(a) - this.count(b) || of(a) - of(b) || byText(a, b);
    return readers.reduce((best, reader) => (lighter(reader, best) < 0 ? reader : best));
  }
}

/**
 * Shares partitions out: each goes to exactly one member that subscribes to its topic, and no partition could move to a
 * member that has two less. So members with equal subscriptions differ by one at most. A partition stays where it was
 * unless that would be uneven. The order of the members does not matter.
 *
 * @param partitions numbers of the partitions of each topic
 * @returns for every member its partitions by topic, in their order
 */
export function assign(
  members: readonly Member[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Map<string, Share> {
  const sorted = [...members].sort((a, b) => byText(a.memberId, b.memberId));
  const places = placesOf(sorted, partitions);
  const shares = new Shares();
  for (const place of places) {
    const owner = sorted.find(
      ({ memberId, owned }) => place.readers.includes(memberId) && owned?.get(place.topic)?.includes(place.partition),
    );
    if (owner) shares.give(place, owner.memberId);
  }
  for (const place of places) if (shares.owner(place) === undefined) shares.give(place, shares.lightest(place));
  // Each move makes the sum of the squared counts smaller, so this ends.
  for (let moved = true; moved;) {
    moved = false;
    for (const place of places) {
      const [owner, lightest] = [shares.owner(place), shares.lightest(place)];
      if (owner === undefined || shares.count(owner) <= shares.count(lightest) + 1) continue;
      shares.give(place, lightest);
      moved = true;
    }
  }
  const result = new Map<string, Share>(sorted.map(({ memberId }) => [memberId, new Map()]));
  for (const place of places) {
    const share = result.get(shares.owner(place) ?? '');
    share?.set(place.topic, [...(share.get(place.topic) ?? []), place.partition]);
  }
  return result;
}

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
