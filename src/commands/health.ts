import { Flags } from '@oclif/core';
import { DbwCommand } from '../command.js';
import { EXIT, UserError } from '../errors.js';
import type { HealthReport } from '../health/probe.js';

/** What `dbw health --json` prints. */
export type HealthResult = HealthReport;

function writerAt(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new UserError('--url is no address of a writer, expected http://host:3010', EXIT.usage);
}

export default class Health extends DbwCommand {
  static override summary = 'Ask Kafka, PostgreSQL and Redis whether they answer, and whether the schema is current.';
  static override description = `Each is asked directly, for 10 s at most; with --url a running writer is asked too, and compared with what is seen from here.
Ends with status 0 where all that dbw needs is there, else with 7.`;
  static override examples = [
    '<%= config.bin %> health',
    '<%= config.bin %> health --json',
    { description: 'A running writer too', command: '<%= config.bin %> health --url http://localhost:3010' },
  ];
  static override flags = {
    url: Flags.string({ summary: 'the port of a running dbw consume, as http://host:3010' }),
  };

  async run(): Promise<HealthResult> {
    const { flags } = await this.parse(Health);
    const url = flags.url === undefined ? undefined : writerAt(flags.url);
    const config = this.configuration();
    const { probe } = await import('../health/probe.js');
    const report = await probe(config, this.config.version, url);
    const { healthTable } = await import('../health/health-table.js');
    this.log(healthTable(report));
    if (report.status === 'unhealthy') process.exitCode = EXIT.away;
    return report;
  }
}
