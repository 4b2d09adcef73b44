import type { Admin, Kafka } from 'kafkajs';
import { partitionEnds, type PartitionEnd } from './topics.js';

/** What was learnt of partitions may be so old; then there may be more of them. */
const KNOWN_MS = 30_000;

interface Opened {
  readonly admin: Admin;
  readonly name: string;
  readonly at: number;
}

/**
 * Asks where logs begin and end. A kafkajs admin client remembers every topic that it was ever asked for, and fails for all of
 * them once one is deleted; it also believes for minutes that a topic has the partitions that it had. So this one is made
 * anew for other topics, after a failure, and from time to time.
 */
export class LogEnds {
  private opened: Opened | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly kafka: Kafka) {}

  /**
   * Where each partition of these topics begins and ends now.
   *
   * @param topics topics that exist
   * @throws where one does not, or no broker answers
   */
  ask(topics: readonly string[]): Promise<PartitionEnd[]> {
    // One after the other: the next question may need another client.
    const answer = this.last.then(() => this.askNow(topics));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Where partitions begin and end, also of those that were added a moment ago. */
  askAnew(topics: readonly string[]): Promise<PartitionEnd[]> {
    this.last = this.last.then(() => this.close());
    return this.ask(topics);
  }

  private async askNow(topics: readonly string[]): Promise<PartitionEnd[]> {
    if (topics.length === 0) return [];
    const admin = await this.open([...topics].sort().join());
    try {
      return await partitionEnds(admin, topics);
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  private async open(name: string): Promise<Admin> {
    if (this.opened?.name === name && Date.now() - this.opened.at < KNOWN_MS) return this.opened.admin;
    void this.close();
    const admin = this.kafka.admin({ retry: { retries: 1 } });
    await admin.connect();
    this.opened = { admin, name, at: Date.now() };
    return admin;
  }

  /** Ends the connection; a later question makes another. */
  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.admin.disconnect().catch(() => undefined);
  }
}
