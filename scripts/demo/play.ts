import type { ConsumeSummary } from '../../src/commands/consume.js';
import { TYPES } from '../../test/support/generator/index.js';
import { expectedTables } from '../../test/support/model.js';
import { readRows } from '../../test/support/rows.js';
import { header, readTopic } from '../../test/support/topics.js';
import { onceMore } from './again.js';
import { bar, consuming } from './consuming.js';
import { dbw } from './dbw.js';
import { count, counted, paint } from './paint.js';
import { mustBe, mustEqual, rowCount, tally } from './proof.js';
import { fateOf, healthOf, lettersOf, parkedOf, tablesOf, type ParkedEvent } from './report.js';
import { makeTopics, sendOnce } from './sending.js';
import { openStage, type Stage } from './stage.js';
import { take } from './steps.js';
import { EVENTS, stream, type Stream } from './stream.js';

/** The whole play: everything sent, consumed and compared, then all of it once more. Prints as it goes. */
export async function demonstrate(onStage: (stage: Stage) => void): Promise<void> {
  console.log(`\n  ${paint.bold.cyan('dbw')}  every event from Kafka, once and exactly, in PostgreSQL\n`);
  const [stage] = await openingScene(onStage);
  if (!stage) return;
  const sent = stream();
  const [summary] = await firstScene(stage, sent);
  if (!summary) return;
  await finalScene(stage, sent, summary);
}

/** The servers. What a scene brings comes in a list, for a step returns what is to be said of it. */
async function openingScene(onStage: (stage: Stage) => void): Promise<Stage[]> {
  const stages: Stage[] = [];
  const work = async (tell: (doing: string) => void) => {
    const versions: string[] = [];
    tell('Kafka, PostgreSQL and Redis …');
    const stage = await openStage((line) => {
      const version = /^(.+) answers on /.exec(line)?.[1];
      if (version !== undefined) versions.push(version);
      tell(line);
    });
    onStage(stage);
    stages.push(stage);
    return versions.sort().join(', ');
  };
  await take([{ name: 'Servers', work }]);
  return stages;
}

/** From an empty database to everything consumed. */
async function firstScene(stage: Stage, { messages }: Stream): Promise<ConsumeSummary[]> {
  const summaries: ConsumeSummary[] = [];
  await take([
    {
      name: 'Schema',
      work: async (tell) => {
        tell('dbw migrate');
        await dbw('migrate');
        return 'dbw migrate';
      },
    },
    {
      name: 'Topics',
      work: async () => {
        await makeTopics(stage.config);
        return `${TYPES.length} topics, one for each type of event, of 4 partitions`;
      },
    },
    {
      name: 'Events',
      work: async (tell) => {
        await sendOnce(stage.config, messages, (sent) => {
          tell(bar(sent, messages.length));
        });
        return `${count(EVENTS)} and the trouble of a bad day: ${count(messages.length)} messages`;
      },
    },
    consuming(stage, messages.length, (summary) => summaries.push(summary)),
  ]);
  return summaries;
}

/** What is there now, the proof that it is right, and everything a second time. */
async function finalScene(stage: Stage, sent: Stream, summary: ConsumeSummary): Promise<void> {
  const { dataSource, config } = stage;
  const rows = await readRows(dataSource);
  const parked: ParkedEvent[] = await dataSource.query(
    'SELECT event_id, event_type, wait_table FROM dbw.parked_events ORDER BY event_type',
  );
  const letters = await readTopic(config.deadLetters.topic);
  console.log([fateOf(sent, summary), tablesOf(rows), parkedOf(parked), lettersOf(letters), ''].join('\n'));

  const proof = () => {
    const { tables, waiting } = expectedTables(sent.valid);
    mustEqual(rows, tables, 'but by the model');
    const known = tally(waiting.map(({ eventId }) => eventId));
    mustBe('events that wait', tally(parked.map(({ event_id: id }) => id)), known);
    mustBe('dead letters', tally(letters.map((letter) => header(letter, 'dbw.dlq.reason') ?? '')), sent.reasons);
    const what = `${rows.size} tables, ${counted(rowCount(rows), 'row')}, every column: equal to the model`;
    return Promise.resolve(paint.green(what));
  };
  await take([{ name: 'Proof', work: proof }, ...onceMore(stage, sent.messages)]);
  console.log(healthOf(await dbw('health')));
}
