import { expect } from 'chai';
import type { Admin } from 'kafkajs';
import { EXIT, UserError } from '../../src/errors.js';
import { ensureDeadLetterTopic, refuseSourceForLetters } from '../../src/kafka/dead-letter-topic.js';
import { refuseCompacted, settingsOf } from '../../src/kafka/topic-settings.js';
import { recording, silent } from '../support/log.js';
import { createTopics, testKafka } from '../support/topics.js';
import { unique } from '../support/unique.js';

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(UserError).and.to.have.property('status', EXIT.refused);
  return (error as UserError).message;
}

describe('the dead-letter topic', () => {
  let admin: Admin;
  before(async () => {
    admin = testKafka().admin();
    await admin.connect();
  });
  after(() => admin.disconnect());

  const own = async (topic: string) => {
    const settings = [...((await settingsOf(admin, [topic])).get(topic) ?? [])].filter(([, { own: set }]) => set);
    return Object.fromEntries(settings.map(([name, { value }]) => [name, value]));
  };
  const partitionsOf = async (topic: string) =>
    (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length;

  it('is created as wide as its widest source and 64 KiB larger, and keeps letters for ever', async () => {
    const [topic, narrow, wide] = [unique('dlq'), unique('narrow'), unique('wide')];
    await createTopics([narrow], 1, { 'max.message.bytes': '5000000', 'retention.ms': '1000' });
    await createTopics([wide], 5, { 'max.message.bytes': '2000' });
    expect(await ensureDeadLetterTopic(admin, topic, [narrow, wide, unique('missing')], silent)).to.equal(true);
    expect(await partitionsOf(topic)).to.equal(5);
    expect(await own(topic)).to.deep.equal({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'max.message.bytes': String(5_000_000 + 65_536),
    });
    const { log, lines } = recording();
    expect(await ensureDeadLetterTopic(admin, topic, [narrow, wide], log)).to.equal(false);
    expect(lines).to.deep.equal([]);
  });

  for (const [what, settings] of [
    ['compacted', { 'cleanup.policy': 'compact', 'retention.ms': '-1' }],
    ['compacted and cleaned', { 'cleanup.policy': 'compact,delete', 'retention.ms': '-1' }],
    ['short-lived', { 'retention.ms': '604800000' }],
    ['bounded in bytes', { 'retention.ms': '-1', 'retention.bytes': '1000000' }],
  ] as const) {
    it(`is refused when it is ${what}, with the remedy`, async () => {
      const topic = unique('dlq');
      await createTopics([topic], 1, settings);
      const message = await refusalOf(ensureDeadLetterTopic(admin, topic, [], silent));
      expect(message)
        .to.contain(topic)
        .and.to.contain('could lose letters')
        .and.to.contain('Set cleanup.policy=delete');
    });
  }

  it('takes larger messages from then on, where its sources have such, and keeps its other settings', async () => {
    const [topic, source] = [unique('dlq'), unique('source')];
    await createTopics([source], 1, { 'max.message.bytes': '3000000' });
    await createTopics([topic], 1, { 'max.message.bytes': '1000', 'retention.ms': '-1', 'segment.bytes': '12345678' });
    const { log, lines } = recording();
    await ensureDeadLetterTopic(admin, topic, [source], log);
    expect(await own(topic)).to.deep.equal({
      'max.message.bytes': String(3_000_000 + 65_536),
      'retention.ms': '-1',
      'segment.bytes': '12345678',
    });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.contain(`info max.message.bytes of ${topic} was raised`);
  });

  it('that Kafka does not let us create is named, with how it should be', async () => {
    const message = await refusalOf(ensureDeadLetterTopic(admin, 'no/name', [], silent));
    expect(message).to.contain('no/name').and.to.contain('INVALID_TOPIC').and.to.contain('retention.ms=-1');
  });

  it('is none of its sources', async () => {
    refuseSourceForLetters('dlq', ['a', 'b']);
    const refused = Promise.resolve().then(() => {
      refuseSourceForLetters('b', ['a', 'b']);
    });
    expect(await refusalOf(refused))
      .to.contain('topic b is a source')
      .and.to.contain('DLQ_TOPIC');
  });

  it('sources that are compacted are refused, all of them by name', async () => {
    const [good, first, second] = [unique('good'), unique('a'), unique('b')];
    await createTopics([good], 1);
    await createTopics([first], 1, { 'cleanup.policy': 'compact' });
    await createTopics([second], 1, { 'cleanup.policy': 'compact,delete' });
    await refuseCompacted(admin, [good]);
    await refuseCompacted(admin, []);
    const message = await refusalOf(refuseCompacted(admin, [second, good, first]));
    expect(message).to.contain(`${first}, ${second}.`).and.to.contain('Set cleanup.policy=delete');
    expect(message).not.to.contain(good);
  });
});
