import { registry } from '../../src/handlers/index.js';
import { createTopics, withAdmin } from '../../test/support/topics.js';
import { until } from '../../test/support/until.js';

const LETTERS = 'db-writer.dlq';

/** Creates all source topics, each of one partition. */
export async function allTopics(): Promise<void> {
  await createTopics([...registry.keys()], 1);
}

/**
 * Makes every topic that was used anew, and forgets the groups.
 *
 * @param partitions how many partitions these topics shall have; all others have one
 */
export async function freshTopics(partitions: Readonly<Record<string, number>>): Promise<void> {
  await withAdmin(async (admin) => {
    const there = new Set(await admin.listTopics());
    const ends = await Promise.all(
      [...registry.keys(), LETTERS].flatMap((topic) =>
        there.has(topic) ? [admin.fetchTopicOffsets(topic).then((found) => ({ topic, found }))] : [],
      ),
    );
    const used = ends.flatMap(({ topic, found }) =>
      topic === LETTERS || found.length !== (partitions[topic] ?? 1) || found.some(({ high }) => high !== '0') ? [topic] : [],
    ); // prettier-ignore
    if (used.length > 0) {
      await admin.deleteTopics({ topics: used });
      await until(async () => {
        const left = new Set(await admin.listTopics());
        return used.every((topic) => !left.has(topic));
      });
    }
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    if (groups.length > 0) await admin.deleteGroups(groups).catch(() => undefined);
    const anew = used.filter((topic) => topic !== LETTERS);
    for (const count of new Set(anew.map((topic) => partitions[topic] ?? 1))) {
      const topics = anew.filter((topic) => (partitions[topic] ?? 1) === count);
      await createTopics(topics, count);
    }
  });
}

/** How many letters there are in the dead-letter topic. */
export function countLetters(): Promise<number> {
  return withAdmin(async (admin) => {
    if (!(await admin.listTopics()).includes(LETTERS)) return 0;
    const ends = await admin.fetchTopicOffsets(LETTERS);
    return ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  });
}
