import { DbwCommand } from '../command.js';
import { EXIT } from '../errors.js';
import type { Health as HealthReport } from '../health/health.js';

export default class Health extends DbwCommand {
  static override summary = 'Ask Kafka, PostgreSQL and Redis whether they answer, and whether the schema is current.';
  static override description = 'Ends with status 0 where all that dbw needs is there, else with 7.';
  static override examples = ['<%= config.bin %> health', '<%= config.bin %> health --json'];

  async run(): Promise<HealthReport> {
    await this.parse(Health);
    const config = this.configuration();
    const { probe } = await import('../health/probe.js');
    const report = await probe(config, this.config.version);
    this.log(JSON.stringify(report, null, 2));
    if (report.status === 'unhealthy') process.exitCode = EXIT.away;
    return report;
  }
}
