import { Args, Flags } from '@oclif/core';
import { EXIT, UserError } from '../../errors.js';
import { DlqCommand, type Opened } from '../../letters/dlq-command.js';
import { letterFlags, topicFlag } from '../../letters/flags.js';
import type { DlqDiscard } from '../../letters/set-aside.js';
import { visible } from '../../printable.js';

const { reason: diedOf, ...others } = letterFlags;

export default class DlqDiscardCommand extends DlqCommand {
  static override summary = 'Set dead letters aside that shall never be replayed.';
  static override description =
    'They stay in the topic; who set them aside, when and why is recorded. What has been processed since is left out.';
  static override strict = false;
  static override examples = [
    {
      description: 'All letters of one cause',
      command: '<%= config.bin %> dlq discard --fingerprint 0123456789ab --reason "sent again as new events"',
    },
    { description: 'Two letters', command: '<%= config.bin %> dlq discard 0:12 1:7 --reason "a test" --yes' },
  ];
  static override args = {
    id: Args.string({ description: 'IDs of letters, as dbw dlq ls lists them' }),
  };
  static override flags = {
    ...topicFlag,
    ...others,
    'died-of': diedOf,
    reason: Flags.string({ summary: 'why they shall never be replayed', required: true }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
  };

  async run(): Promise<DlqDiscard> {
    const { argv, flags } = await this.parse(DlqDiscardCommand);
    if (flags.reason.trim() === '') throw new UserError('--reason is blank. Say why: it is recorded.', EXIT.usage);
    const ids = argv.map(String);
    const [{ filterOf }, { setAside }] = await Promise.all([
      import('../../letters/filter.js'),
      import('../../letters/set-aside.js'),
    ]);
    const filter = filterOf({ ...flags, reason: flags['died-of'] });
    const isFiltered = Object.keys(filter).length > 0;
    if (isFiltered === ids.length > 0) {
      const why = isFiltered ? 'Give either IDs or filters, not both.' : 'Which letters? Give IDs or filters.';
      throw new UserError(`${why} dbw dlq summary lists the causes.`, EXIT.usage);
    }
    const count = (n: number) => n.toLocaleString('en-US');
    const discard = (opened: Opened) =>
      setAside(opened, isFiltered ? { filter } : { ids }, flags.reason, async ({ discarded, causes }) => {
        for (const { fingerprint, cause, count: of } of visible(causes)) {
          this.logToStderr(`${count(of).padStart(9)}  ${fingerprint}  ${cause}`);
        }
        await this.confirm(`Set ${count(discarded)} letters aside for good?`, flags.yes);
      });
    const result = await this.withLetters(flags.topic, discard, 'write');
    const { discarded, resolved, alreadyDiscarded, foreign } = result;
    const left = [`${count(resolved)} resolved`, `${count(alreadyDiscarded)} discarded before`];
    if (foreign > 0) left.push(`${count(foreign)} of topics that are not ours`);
    this.log(`${count(discarded)} letters set aside. Left out: ${left.join(', ')}.`);
    return result;
  }
}
