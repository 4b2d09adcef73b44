import type { Kafka } from 'kafkajs';
import { testKafka, withAdmin } from './topics.js';

/** What we use of kafkajs' inside: no admin client can end another's membership. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findGroupCoordinator(group: { groupId: string }): Promise<{
    leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
  }>;
}

function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.includes('createCluster'));
  const create = Reflect.get(kafka, symbol ?? '') as (options: object) => Cluster;
  return create.call(kafka, { allowAutoTopicCreation: false });
}

/**
 * Ends the memberships of a group in the name of processes that were killed, as their sessions' end would some seconds
 * later: nobody else may be in the group.
 */
export async function evictAll(groupId: string): Promise<void> {
  const { groups } = await withAdmin((admin) => admin.describeGroups([groupId]));
  const cluster = clusterOf(testKafka());
  await cluster.connect();
  try {
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    for (const { memberId } of groups[0]?.members ?? []) await coordinator.leaveGroup({ groupId, memberId });
  } finally {
    await cluster.disconnect();
  }
}
