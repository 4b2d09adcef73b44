import type { ConsumeSummary } from '../../src/commands/consume.js';
import { TYPES } from '../../test/support/generator/index.js';
import { header, readTopic } from '../../test/support/topics.js';
import { readRows, type Rows } from '../../test/support/rows.js';
import { consume, dbw } from './dbw.js';
import { count, counted, paint } from './paint.js';
import { mustCount, mustEqual, rowCount } from './proof.js';
import { fateOf, healthOf, lettersOf, parkedOf, tablesOf } from './report.js';
import { openStage, type Stage } from './stage.js';
import { makeTopics, sendOnce } from './sending.js';
import { take, type Step } from './steps.js';
import { EVENTS, stream, type Stream } from './stream.js';

/** The whole play: everything sent, consumed and compared, then all of it once more. Prints as it goes. */
export async function demonstrate(onStage: (stage: Stage) => void): Promise<void> {
  console.log(`\n  ${paint.bold.cyan('dbw')}  every event from Kafka, once and exactly, in PostgreSQL\n`);
  let stage: Stage | undefined;
  await take([
    {
      name: 'Servers',
      work: async (tell) => {
        const versions: string[] = [];
        tell('Kafka, PostgreSQL and Redis …');
        stage = await openStage((line) => {
          const version = /^(.+) answers on /.exec(line)?.[1];
          if (version !== undefined) versions.push(version);
          tell(line);
        });
        onStage(stage);
        return versions.sort().join(', ');
      },
    },
  ]);
  if (stage) await onIt(stage);
}

async function onIt(stage: Stage): Promise<void> {
  const { config, dataSource } = stage;
  const sent = stream();
  let summary: ConsumeSummary | undefined;

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
        await makeTopics(config);
        return `${TYPES.length} topics, one for each type of event, of 4 partitions`;
      },
    },
    {
      name: 'Events',
      work: async (tell) => {
        await sendOnce(config, sent.messages, (so) => {
          tell(bar(so, sent.messages.length));
        });
        return `${count(EVENTS)} and the trouble of a bad day: ${count(sent.messages.length)} messages`;
      },
    },
    consuming(stage, sent.messages.length, (ended) => (summary = ended)),
  ]);
  if (!summary) return;

  const rows = await readRows(dataSource);
  const parked = await parkedEvents(stage);
  const letters = await readTopic(config.deadLetters.topic);
  console.log(fateOf(sent, summary));
  console.log(tablesOf(rows));
  console.log(parkedOf(parked));
  console.log(lettersOf(letters));
  console.log('');

  const proof: Step = {
    name: 'Proof',
    work: () => {
      mustEqual(rows, sent.expected.tables, 'but by the model');
      const ids = (list: readonly string[]) => new Map(list.map((id) => [id, 1]));
      const waiting = sent.expected.waiting.map(({ eventId }) => eventId).sort();
      mustCount('events that wait', ids(parked.map(({ event_id: id }) => id).sort()), ids(waiting));
      mustCount('dead letters', tally(letters.map((letter) => header(letter, 'dbw.dlq.reason') ?? '')), sent.reasons);
      const what = `${rows.size} tables, ${counted(rowCount(rows), 'row')}: equal to the model, column by column`;
      return Promise.resolve(paint.green(what));
    },
  };
  await take([proof, ...onceMore(stage, sent.messages, rows)]);
  console.log(healthOf(await dbw('health')));
}

/** Sends everything a second time and consumes it: the tables must not notice. */
function onceMore(stage: Stage, messages: Stream['messages'], rows: Rows): Step[] {
  let summary: ConsumeSummary | undefined;
  return [
    {
      name: 'Again',
      work: async (tell) => {
        await sendOnce(stage.config, messages, (so) => {
          tell(bar(so, messages.length));
        });
        return `everything sent a second time: ${count(messages.length)} messages`;
      },
    },
    consuming(stage, messages.length, (ended) => (summary = ended)),
    {
      name: 'Proof',
      work: async () => {
        mustEqual(await readRows(stage.dataSource), rows, 'before');
        if (summary?.outcomes.applied !== 0)
          throw new Error(`${summary?.outcomes.applied ?? 0} events were applied twice`);
        return paint.green('not one row changed');
      },
    },
  ];
}

/** The step that runs dbw, and looks how far its offsets are. */
function consuming({ config, dataSource }: Stage, total: number, onEnd: (summary: ConsumeSummary) => void): Step {
  const position = async () => {
    const [row]: { next: number }[] = await dataSource.query(
      'SELECT coalesce(sum(next_offset), 0)::float8 AS next FROM dbw.positions WHERE group_id = $1',
      [config.kafka.groupId],
    );
    return row?.next ?? 0;
  };
  return {
    name: 'Consume',
    work: async (tell) => {
      const start = await position();
      tell('dbw consume --until-caught-up');
      const summary = await consume(async () => {
        tell(bar((await position()) - start, total));
      });
      onEnd(summary);
      const { applied, duplicate, collision } = summary.outcomes;
      const known = duplicate + collision;
      return `dbw consume --until-caught-up: ${count(applied)} applied, ${count(known)} known already`;
    },
  };
}

function bar(done: number, total: number): string {
  const share = Math.min(1, done / total);
  const filled = Math.round(share * 20);
  return `${paint.cyan('█'.repeat(filled))}${paint.dim('░'.repeat(20 - filled))} ${count(done)} of ${count(total)}`;
}

export interface ParkedEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly wait_table: string;
  readonly wait_key: string;
}

function parkedEvents({ dataSource }: Stage): Promise<ParkedEvent[]> {
  return dataSource.query(
    'SELECT event_id, event_type, wait_table, wait_key FROM dbw.parked_events ORDER BY event_type',
  );
}

function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
