import { expect } from 'chai';
import fc from 'fast-check';
import type { DlqList } from '../../src/letters/list.js';
import { dbw } from '../support/cli.js';
import { deadLetter, outgoing } from '../support/dead-letters.js';
import { expectHarmless, hostile } from '../support/hostile.js';
import { Place } from '../support/place.js';
import { send } from '../support/topics.js';

const LETTERS = 30;

describe('what commands print of messages that are to steer a terminal', () => {
  let place: Place;
  // Kafka's producer writes headers and keys as UTF-8, and an id without anything to see is none.
  const texts = fc
    .sample(hostile, { numRuns: 200, seed: 5 })
    .map((text, i) => `x${i}${text.replaceAll('\u0000', '\u0001')}`);
  const text = (i: number) => texts[i % texts.length] ?? '';

  before(async () => {
    place = await Place.make(['content.post.created', 'user.created']);
    const timestamp = '2024-01-01T00:00:00Z';
    const event = (eventId: string, eventType: string, data: Readonly<Record<string, unknown>>) => ({
      topic: eventType,
      key: text(1),
      value: Buffer.from(JSON.stringify({ eventId, eventType, timestamp, data })),
      headers: { [text(2)]: text(3) },
    });
    const post = (i: number) => ({
      ...{ postId: text(i), authorId: text(i + 1), content: text(i + 2), mediaUrls: [], visibility: 'public' },
    });
    await send(
      Array.from({ length: LETTERS }, (_, i) => [
        event(text(i), 'content.post.created', post(i)),
        event(text(i + 100), 'user.created', { [text(i)]: text(i + 3) }),
      ]).flat(),
      place.prefix,
    );
    await place.catchUp();
    await send(
      Array.from({ length: LETTERS }, (_, i) => {
        const letter = deadLetter(place.prefix, { event: Buffer.from(`{"${text(i)}`), offset: 1000 + i, key: text(i) });
        const record = outgoing(place.deadLetterTopic, letter);
        const forged = Object.fromEntries(
          ['reason', 'code', 'path', 'fingerprint', 'event-id', 'event-type', 'failed-at'].map((name, j) => [
            `dbw.dlq.${name}`,
            text(i + j),
          ]),
        );
        return { ...record, headers: { ...record.headers, ...forged, '__connect.errors.exception.message': text(i) } };
      }),
    );
  });
  after(() => place.dataSource.destroy());

  /** Runs a command for people and looks at all that it says. */
  async function look(...args: string[]): Promise<string> {
    const { stdout, stderr, status } = await dbw(args, { ...place.env, LOG_LEVEL: 'error' });
    expect(status, stderr).not.to.equal(1);
    expectHarmless(stdout, args.join(' '));
    expectHarmless(stderr, args.join(' '));
    return stdout + stderr;
  }

  it('is harmless: dlq ls, summary, show, parked ls, lag, backfill, replay-dlq, runs, discard', async () => {
    const listed = await dbw(['dlq', 'ls', '--state', 'all', '--limit', '1000', '--json'], place.env);
    expectHarmless(listed.stdout, '--json');
    const { letters } = JSON.parse(listed.stdout) as DlqList;
    expect(letters.map(({ eventId }) => eventId)).to.include.members([text(101), text(4)]);
    expect(await look('dlq', 'ls', '--state', 'all')).to.contain('\\u{');
    await look('dlq', 'summary');
    await look('dlq');
    for (const { id } of letters.slice(0, 2).concat(letters.slice(-1))) {
      await look('dlq', 'show', id);
      await look('dlq', 'show', id, '--reveal');
    }
    expect(await look('parked', 'ls', '--reveal')).to.contain('users x');
    await look('lag', '--by', 'partition');
    await look('backfill', '--topic', 'user.created', '--dry-run');
    await look('backfill', 'verify', '--topic', 'content.post.created', '--topic', 'user.created');
    await look('replay-dlq', '--dry-run', '--list');
    await look('replay-dlq', '--event-id', text(101), '--yes', '--list');
    await look('runs');
    await look('dlq', 'discard', '--reason', text(5), '--since', '2000-01-01', '--yes');
    await look('dlq', 'show', letters[0]?.id ?? '');
  });

  it('is harmless: what was typed, in the message of an error', async () => {
    const typed = texts.find((one) => one.includes('\u009b')) ?? '\u009b';
    for (const args of [['events', 'show'], ['dlq', 'show'], ['lag', '--topics'], ['dlq', 'ls', '--fingerprint'], []]) {
      const { stderr, status } = await dbw([...args, `a\u001b[2J\u202e${typed}`], place.env);
      expect(status, stderr).to.equal(2);
      // What somebody types themselves may have lines.
      expectHarmless(stderr.replaceAll('\n', ' '), args.join(' '));
    }
  });

  it('is equal JSON in an export, with nothing that steers', async () => {
    const { stdout } = await dbw(['dlq', 'export', '-'], place.env);
    expectHarmless(stdout, 'dlq export');
    const lines = stdout.trimEnd().split('\n');
    const ids = lines.map((line) => (JSON.parse(line) as { eventId: string | null }).eventId);
    expect(ids).to.include.members([text(101), text(4)]);
  });
});
