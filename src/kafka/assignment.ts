import { balance, type Remainder } from './remainders.js';

/** A member of a group: what it asks for, and what it read until now. */
export interface Member {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly owned?: ReadonlyMap<string, readonly number[]>;
}

/** Partitions by topic. */
export type Share = Map<string, number[]>;

/** A topic that somebody subscribes to. */
interface Topic extends Remainder {
  readonly name: string;
  readonly partitions: readonly number[];
  /** Who read a partition until now. */
  readonly owners: ReadonlyMap<number, string>;
  /** What every subscriber gets at least. */
  readonly floor: number;
}

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));
const byNumber = (a: number, b: number) => a - b;

/** Who read a partition until now; the first where several say so. */
function ownersOf(name: string, partitions: readonly number[], members: readonly Member[]): Map<number, string> {
  const existing = new Set(partitions);
  const owners = new Map<number, string>();
  for (const { memberId, owned } of members) {
    for (const partition of owned?.get(name) ?? []) {
      if (existing.has(partition) && !owners.has(partition)) owners.set(partition, memberId);
    }
  }
  return owners;
}

function topicOf(name: string, partitions: readonly number[], members: readonly Member[]): Topic {
  const readers = members.filter(({ topics }) => topics.includes(name));
  const subscribers = readers.map(({ memberId }) => memberId);
  const owners = ownersOf(name, partitions, readers);
  const counts = new Map<string, number>();
  for (const owner of owners.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const floor = Math.floor(partitions.length / subscribers.length);
  const claimants = new Set(subscribers.filter((member) => (counts.get(member) ?? 0) > floor));
  return { name, partitions, owners, floor, subscribers, claimants, holders: new Set() };
}

/** Gives the remainder of each topic to those who have more of it already, and then to those with the least to do. */
function giveRemainders(topics: readonly Topic[], totals: Map<string, number>): void {
  const total = (member: string) => totals.get(member) ?? 0;
  for (const { subscribers, floor } of topics) {
    for (const member of subscribers) totals.set(member, total(member) + floor);
  }
  for (const { partitions, subscribers, claimants, holders } of topics) {
    const claims = (member: string) => Number(claimants.has(member));
    const order = [...subscribers].sort((a, b) => claims(b) - claims(a) || total(a) - total(b) || byText(a, b));
    for (const member of order.slice(0, partitions.length % subscribers.length)) {
      holders.add(member);
      totals.set(member, total(member) + 1);
    }
  }
}

/** The partitions of a topic by member: what it had, as far as its share goes, and of what is left over. */
function divide({ partitions, subscribers, owners, floor, holders }: Topic): Map<string, number[]> {
  const size = (member: string) => floor + Number(holders.has(member));
  const had = (member: string) => partitions.filter((partition) => owners.get(partition) === member);
  const shares = new Map(subscribers.map((member) => [member, had(member).slice(0, size(member))]));
  const kept = new Set([...shares.values()].flat());
  const left = partitions.filter((partition) => !kept.has(partition));
  for (const [member, share] of shares) {
    share.push(...left.splice(0, size(member) - share.length));
    share.sort(byNumber);
  }
  return shares;
}

/**
 * Shares partitions out: each goes to exactly one member that subscribes to its topic. What counts, in this order:
 *
 * 1. those who subscribe to a topic differ by one partition of it at most, so that all of them read a busy one;
 * 2. the totals are as even as that allows (least sum of squares): with equal subscriptions they differ by one at most;
 * 3. as few partitions as possible leave the member that had them: none where nothing changed.
 *
 * This holds exactly, for any subscriptions. Not promised is that only the partitions of one who leaves move, or only
 * those that one who comes takes: others may have to exchange some to make the totals even. With equal subscriptions they
 * need not if there is one topic, or if there was no remainder before. The order of members and topics does not matter.
 *
 * @param partitions numbers of the partitions of each topic
 * @returns for every member its partitions by topic, in their order
 */
export function assign(
  members: readonly Member[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Map<string, Share> {
  const sorted = [...members].sort((a, b) => byText(a.memberId, b.memberId));
  const topics = [...partitions]
    .map(([name, numbers]) => topicOf(name, [...numbers].sort(byNumber), sorted))
    .filter(({ subscribers }) => subscribers.length > 0)
    .sort((a, b) => byText(a.name, b.name));
  const totals = new Map(sorted.map(({ memberId }) => [memberId, 0]));
  giveRemainders(topics, totals);
  balance(topics, totals);
  const result = new Map<string, Share>(sorted.map(({ memberId }) => [memberId, new Map()]));
  for (const topic of topics) {
    for (const [member, share] of divide(topic)) {
      if (share.length > 0) result.get(member)?.set(topic.name, share);
    }
  }
  return result;
}
