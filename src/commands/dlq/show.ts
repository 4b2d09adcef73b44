import { Args, Flags } from '@oclif/core';
import { DlqCommand } from '../../letters/dlq-command.js';
import { topicFlag } from '../../letters/flags.js';
import type { ShownLetter } from '../../letters/show.js';

export default class DlqShow extends DlqCommand {
  static override summary = 'Show one dead letter: where it came from, why it died, what would become of it now.';
  static override description =
    'The place that is refused is marked. Values are masked unless --reveal: they may be personal data.';
  static override examples = [
    '<%= config.bin %> dlq show 0:12',
    {
      description: 'The letter of the message at this place, and the older ones',
      command: '<%= config.bin %> dlq show user.created:0:5',
    },
    { description: 'With its values', command: '<%= config.bin %> dlq show 0:12 --reveal' },
  ];
  static override args = {
    id: Args.string({
      description: 'partition:offset of the letter, or topic:partition:offset of its message',
      required: true,
    }),
  };
  static override flags = {
    ...topicFlag,
    reveal: Flags.boolean({ summary: 'show values, key and headers as they are' }),
  };

  async run(): Promise<ShownLetter> {
    const { args, flags } = await this.parse(DlqShow);
    const [{ showLetter }, { showText }] = await Promise.all([
      import('../../letters/show.js'),
      import('../../letters/show-text.js'),
    ]);
    const letter = await this.withLetters(flags.topic, (opened) => showLetter(opened, args.id, flags.reveal));
    this.log(showText(letter, flags.reveal));
    return letter;
  }
}
