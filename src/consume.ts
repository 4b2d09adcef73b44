import type { Logger } from 'pino';
import type { Config } from './config.js';
import { Consumption, type ConsumeOptions } from './consumption.js';
import type { ParkedCount } from './postgres/parked.js';
import { openServers, sourceTopics } from './servers.js';
import type { Tally } from './tally.js';

export interface ConsumeResult {
  readonly tally: Tally;
  readonly parked: ParkedCount;
  readonly seconds: number;
}

/**
 * The writer: reads the topics as a member of the group and leaves every event in PostgreSQL or in the dead-letter topic,
 * until the signal is aborted or what was asked for is done.
 *
 * @throws UserError where it cannot begin, Error where the Kafka consumer dies
 */
export async function consume(
  config: Config,
  options: ConsumeOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<ConsumeResult> {
  const started = Date.now();
  sourceTopics(config.kafka.topicPrefix, options.types);
  const servers = await openServers(config, options.version, log);
  try {
    const consumption = new Consumption(config, servers, options, log);
    const parked = await consumption.run(signal);
    return { tally: consumption.tally, parked, seconds: (Date.now() - started) / 1000 };
  } finally {
    await servers.close();
  }
}
