import kafkajs, { type Admin } from 'kafkajs';
import { partitionName, type TopicPartition } from './topic-partition.js';

/**
 * Partitions that no member of a group reads.
 *
 * @param topics topics that exist
 * @returns undefined while the group is about to share its partitions anew: who reads what is then not known
 */
export async function unreadPartitions(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<TopicPartition[] | undefined> {
  if (topics.length === 0) return [];
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  const group = (await admin.describeGroups([groupId])).groups.find((one) => one.groupId === groupId);
  // Empty and Dead are states too: nobody reads anything.
  if (!group || !['Stable', 'Empty', 'Dead'].includes(group.state)) return undefined;
  const read = new Set<string>();
  for (const { memberAssignment } of group.members) {
    const { assignment = {} } = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment) ?? {};
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) read.add(partitionName({ topic, partition }));
    }
  }
  return metadata.topics.flatMap(({ name: topic, partitions }) =>
    partitions
      .map(({ partitionId: partition }) => ({ topic, partition }))
      .filter(({ partition }) => !read.has(partitionName({ topic, partition }))),
  );
}
