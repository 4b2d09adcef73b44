import { Flags } from '@oclif/core';
import { DbwCommand } from '../../command.js';
import { EXIT, UserError } from '../../errors.js';
import type { TopicFound } from '../../kafka/create-topics.js';

/** What `dbw topics create --json` prints. */
export interface TopicsCreateResult {
  readonly dryRun: boolean;
  readonly created: number;
  readonly existed: number;
  /** Every topic as it is now, the dead-letter topic last. */
  readonly topics: readonly TopicFound[];
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `7d`, `12h`, `30m` or `unlimited` in milliseconds; -1 without end. */
function retentionOf(text: string): number {
  if (text === 'unlimited') return -1;
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? NaN);
  if (ms > 0) return ms;
  throw new UserError(`--retention is "${text}", expected a time such as 7d, 12h or 30m, or unlimited`, EXIT.usage);
}

export default class TopicsCreate extends DbwCommand {
  static override summary = 'Create the source topics and the dead-letter topic; what exists stays as it is.';
  static override description = `Without flags they get what the brokers give: their partitions, replication factor and retention.
The dead-letter topic is as wide as the widest source topic, and keeps its letters for ever. Topics that exist and are not as asked for are named, and left alone.`;
  static override examples = [
    '<%= config.bin %> topics create --dry-run',
    '<%= config.bin %> topics create --partitions 12 --replication-factor 1',
    {
      description: 'Some of them, that can be read again for two weeks',
      command: '<%= config.bin %> topics create --topics user.created,user.updated --retention 14d',
    },
  ];
  static override flags = {
    topics: Flags.string({ summary: 'event types, separated by commas (default: all)' }),
    partitions: Flags.integer({ summary: 'partitions of each source topic', min: 1, max: 10_000 }),
    'replication-factor': Flags.integer({ summary: 'copies of each partition', min: 1, max: 100 }),
    retention: Flags.string({ summary: 'how long events are kept: 7d, 12h, 30m, unlimited' }),
    'dry-run': Flags.boolean({ summary: 'say what would be created, and create nothing' }),
  };

  async run(): Promise<TopicsCreateResult> {
    const { flags } = await this.parse(TopicsCreate);
    const config = this.configuration();
    const shape = {
      partitions: flags.partitions,
      replicationFactor: flags['replication-factor'],
      retentionMs: flags.retention === undefined ? undefined : retentionOf(flags.retention),
    };
    const log = await this.logger({ ...config, logLevel: 'warn' });
    const [{ withAdmin }, { createTopics }, { sourceTopics }] = await Promise.all([
      import('../../kafka/client.js'),
      import('../../kafka/create-topics.js'),
      import('../../servers.js'),
    ]);
    const sources = sourceTopics(
      config.kafka.topicPrefix,
      flags.topics?.split(',').map((type) => type.trim()),
    );
    const dryRun = flags['dry-run'];
    const topics = await withAdmin(config.kafka, (admin) =>
      createTopics(admin, sources, config.deadLetters.topic, shape, dryRun, log),
    );
    const of = (state: TopicFound['state']) => topics.filter((topic) => topic.state === state).length;
    const { table } = await import('../../output.js');
    const told = { created: 'created', existed: 'was there', missing: 'would be created' };
    this.log(
      table(
        ['topic', '', 'partitions', 'copies', ''],
        topics.map(({ topic, state, partitions, replicationFactor, differences }) => [
          ...[topic, told[state], partitions ?? '', replicationFactor ?? '', differences.join('; ')],
        ]),
      ),
    );
    const result = { dryRun, created: of('created'), existed: of('existed'), topics };
    this.log(
      dryRun
        ? `\n${of('missing')} would be created, ${result.existed} are there.`
        : `\n${result.created} created, ${result.existed} were there.`,
    );
    return result;
  }
}
