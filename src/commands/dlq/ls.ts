import { Flags } from '@oclif/core';
import { DlqCommand } from '../../letters/dlq-command.js';
import { letterFlags, topicFlag } from '../../letters/flags.js';
import type { DlqList } from '../../letters/list.js';
import { visible } from '../../printable.js';

export default class DlqLs extends DlqCommand {
  static override summary = 'List dead letters, the newest first, one line each.';
  static override examples = [
    '<%= config.bin %> dlq ls',
    {
      description: 'What died in the last hour, whatever became of it',
      command: '<%= config.bin %> dlq ls --since 1h --state all',
    },
    {
      description: 'The letters of one cause',
      command: '<%= config.bin %> dlq ls --fingerprint 0123456789ab --limit 10',
    },
  ];
  static override flags = {
    ...topicFlag,
    ...letterFlags,
    state: Flags.option({
      options: ['open', 'resolved', 'discarded', 'foreign', 'all'] as const,
      default: 'open',
      summary: 'how they stand: not processed since, processed, set aside, of a topic that is not ours',
    })(),
    limit: Flags.integer({ default: 50, min: 1, max: 100_000, summary: 'how many at the most' }),
  };

  async run(): Promise<DlqList> {
    const { flags } = await this.parse(DlqLs);
    const [{ filterOf }, { listLetters }, { table }, { clock }] = await Promise.all([
      import('../../letters/filter.js'),
      import('../../letters/list.js'),
      import('../../output.js'),
      import('../../letters/summary-text.js'),
    ]);
    const filter = filterOf(flags);
    const { state, limit } = flags;
    const list = await this.withLetters(flags.topic, (opened) => listLetters(opened, filter, { state, limit }));
    const { letters, found, unreadable, topic } = list;
    if (letters.length > 0) {
      const rows = letters.map(({ id, failedAt, state: is, reason, code, path, eventType, eventId }) => [
        ...[id, clock(failedAt), is, reason, code, path === '' ? '–' : path, eventType ?? '–', eventId ?? '–'],
      ]);
      this.log(
        table(['ID', 'failed at', 'state', 'reason', 'code', 'path', 'event type', 'event ID'], rows, {
          cut: ['event ID', 'path', 'event type', 'code'],
          drop: ['event ID'],
        }),
      );
    } else this.log(`No letter in ${topic} fits${state === 'all' ? '' : ` and is ${state}`}.`);
    if (found > letters.length) this.logToStderr(`${found.toLocaleString('en-US')} letters fit; --limit shows more.`);
    for (const { why, count, example } of visible(unreadable)) {
      this.logToStderr(`${count.toLocaleString('en-US')} records left alone, such as ${example}: ${why}.`);
    }
    return list;
  }
}
