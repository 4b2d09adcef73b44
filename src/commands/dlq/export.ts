import { Args, Flags } from '@oclif/core';
import { DlqCommand } from '../../letters/dlq-command.js';
import { EXIT, UserError } from '../../errors.js';
import { letterFlags, topicFlag } from '../../letters/flags.js';
import type { DlqExport } from '../../letters/export.js';

export default class DlqExportCommand extends DlqCommand {
  static override summary = 'Write dead letters to a file, as one line of JSON each.';
  static override description =
    'Key, value and headers are in base64, and as text where they are text: personal data, unless --mask is given.';
  static override examples = [
    '<%= config.bin %> dlq export letters.jsonl',
    {
      description: 'To another program',
      command: "<%= config.bin %> dlq export - --reason malformed | jq -r '.id'",
    },
  ];
  static override args = {
    file: Args.string({ description: 'a new file; - is standard output', required: true }),
  };
  static override flags = {
    ...topicFlag,
    ...letterFlags,
    state: Flags.option({
      options: ['open', 'resolved', 'discarded', 'foreign', 'all'] as const,
      default: 'all',
      summary: 'how they stand',
    })(),
    mask: Flags.boolean({ summary: 'say of values only what they are' }),
    force: Flags.boolean({ summary: 'replace the file' }),
  };

  async run(): Promise<DlqExport> {
    const { args, flags } = await this.parse(DlqExportCommand);
    if (args.file === '-' && this.jsonEnabled()) {
      throw new UserError('The letters themselves are JSON lines on standard output: leave --json out.', EXIT.usage);
    }
    const [{ filterOf }, { exportLetters }] = await Promise.all([
      import('../../letters/filter.js'),
      import('../../letters/export.js'),
    ]);
    const filter = filterOf(flags);
    const { state, mask, force } = flags;
    const result = await this.withLetters(flags.topic, (opened) =>
      exportLetters(opened, filter, args.file, { state, mask, force }),
    );
    const what = `${result.letters.toLocaleString('en-US')} letters of ${result.topic}`;
    if (args.file === '-') this.logToStderr(`${what} written.`);
    else this.log(`${what} written to ${result.file}.`);
    return result;
  }
}
