import { DlqCommand } from '../../letters/dlq-command.js';
import { topicFlag } from '../../letters/flags.js';
import type { DlqSummary } from '../../letters/summarize.js';

export default class Dlq extends DlqCommand {
  static override summary = 'Walk through dead letters: look at them, replay them, set them aside.';
  static override description =
    'Whatever is chosen is a command that is printed. Without a terminal, and with --json: the same as dbw dlq summary.';
  static override examples = ['<%= config.bin %> dlq', '<%= config.bin %> dlq --topic connect.dlq'];
  static override flags = { ...topicFlag };

  async run(): Promise<DlqSummary | undefined> {
    const { flags } = await this.parse(Dlq);
    if (this.jsonEnabled() || !process.stdin.isTTY || !process.stdout.isTTY) {
      const [{ summarize }, { summaryText }] = await Promise.all([
        import('../../letters/summarize.js'),
        import('../../letters/summary-text.js'),
      ]);
      const summary = await this.withLetters(flags.topic, (opened) => summarize(opened, {}));
      this.log(summaryText(summary, flags.topic));
      return summary;
    }
    const { browse } = await import('../../letters/browse.js');
    await browse(
      (work) => this.withLetters(flags.topic, work),
      async (words) => {
        const [first = '', second = ''] = words;
        const isOurs = first === 'dlq';
        await this.config.runCommand(isOurs ? `dlq:${second}` : first, words.slice(isOurs ? 2 : 1));
      },
    );
    return undefined;
  }
}
