import { DlqCommand } from '../../letters/dlq-command.js';
import { letterFlags, topicFlag } from '../../letters/flags.js';
import type { DlqSummary } from '../../letters/summarize.js';

export default class DlqSummaryCommand extends DlqCommand {
  static override summary = 'Count dead letters by cause: how many, since when, how many are still open.';
  static override description =
    'Of several letters of one message only the newest counts. A letter is resolved when its event has been processed since.';
  static override examples = [
    '<%= config.bin %> dlq summary',
    { description: 'What died in the last two hours', command: '<%= config.bin %> dlq summary --since 2h' },
    {
      description: 'The dead letters of a Kafka Connect sink',
      command: '<%= config.bin %> dlq summary --topic connect.dlq',
    },
  ];
  static override flags = { ...topicFlag, ...letterFlags };

  async run(): Promise<DlqSummary> {
    const { flags } = await this.parse(DlqSummaryCommand);
    const [{ filterOf }, { summarize }, { summaryText }] = await Promise.all([
      import('../../letters/filter.js'),
      import('../../letters/summarize.js'),
      import('../../letters/summary-text.js'),
    ]);
    const filter = filterOf(flags);
    const summary = await this.withLetters(flags.topic, (opened) => summarize(opened, filter));
    this.log(summaryText(summary, flags.topic));
    return summary;
  }
}
