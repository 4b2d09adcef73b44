import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { UserError } from '../errors.js';
import { refuseCompacted } from '../kafka/topic-settings.js';
import { refuseUnreadable } from '../kafka/codecs.js';
import { sourceTopics } from '../servers.js';

/** The source topics: which of them exist, and which can be read. */
export class Sources {
  private readonly wanted: readonly string[];
  private readonly every: readonly string[];
  /** Topics that came to exist while running and cannot be read; each is told once, and looked at again. */
  private readonly refused = new Set<string>();

  constructor(
    private readonly admin: Admin,
    prefix: string,
    types: readonly string[] | undefined,
    private readonly log: Logger,
  ) {
    this.wanted = sourceTopics(prefix, types);
    this.every = sourceTopics(prefix, undefined);
  }

  /** Those of all event types that exist, whoever reads them. */
  async all(): Promise<readonly string[]> {
    const present = new Set(await this.admin.listTopics());
    return this.every.filter((topic) => present.has(topic));
  }

  /** Those that exist; more may come. */
  async present(): Promise<readonly string[]> {
    const present = new Set(await this.admin.listTopics());
    return this.wanted.filter((topic) => present.has(topic));
  }

  /**
   * Makes sure that topics can be read without losing events.
   *
   * @throws UserError where one is compacted, or in a codec that cannot be read
   */
  async refuseUnfit(topics: readonly string[]): Promise<void> {
    await refuseCompacted(this.admin, topics);
    await refuseUnreadable(this.admin, topics);
  }

  /** Those of new topics that can be read; the others must not end a process that runs well. */
  async fit(topics: readonly string[]): Promise<string[]> {
    const fit: string[] = [];
    for (const topic of topics) {
      try {
        await this.refuseUnfit([topic]);
        fit.push(topic);
        this.refused.delete(topic);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (!this.refused.has(topic)) this.log.error({ topic }, `a new topic is not read: ${error.message}`);
        this.refused.add(topic);
      }
    }
    return fit;
  }
}
