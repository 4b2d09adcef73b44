import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from '../support/generator/index.js';
import { readRows } from '../support/rows.js';
import { home } from '../support/services/run.js';
import {
  checkEndings,
  checkEvents,
  checkLetters,
  checkMemory,
  checkOffsets,
  checkTables,
  modelOf,
  type Finding,
} from './checks.js';
import { wreak } from './faults.js';
import { feed } from './feed.js';
import type { Figures } from './figures.js';
import type { Options } from './options.js';
import { FEWEST, makePlan } from './plan.js';
import { atWork, caughtUp, leftOf, standings } from './progress.js';
import { openStage, type Stage } from './stage.js';
import { Writers } from './writers.js';

/** Messages come for this share of the time of the faults, so that some happen to a quiet system. */
const FEEDING = 0.9;

/** What a run found, its figures, and where the logs of its processes are. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly figures: Figures;
  readonly folder: string;
}

/**
 * One whole run: faults over a stream, recovery, checks; then everything delivered once more to a writer that has
 * forgotten every id.
 */
export async function runChaos(options: Options, report: (line: string) => void): Promise<Outcome> {
  const { seed, minutes, events } = options;
  const folder = join(home, `chaos-${seed}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const totalMs = minutes * 60_000;
  const plan = makePlan(seed, totalMs);
  const messages = generate({ seed, events });
  const { tables, waiting, ties } = modelOf(messages);
  if (ties.length > 0) throw new Error(`The stream of seed ${seed} has ties: ${ties.slice(0, 3).join(', ')}`);
  report(`seed ${seed}: ${messages.length} messages, ${plan.length} faults over ${minutes} minutes`);

  const stage = await openStage(report);
  try {
    const began = Date.now();
    const writers = writersOf(stage, 'first', folder, report);
    const feeding = feed(messages, stage.prefix, totalMs * FEEDING);
    const wreaking = atWork(stage, 'first').then(() => wreak(plan, stage, writers, report));
    const [counts, sentAgain] = await Promise.all([wreaking, feeding]);
    report('the faults are over');
    const left = leftOf(await standings(stage, 'first'));
    const recovery = await caughtUp(stage, 'first', waiting.length, report);
    const seconds = (Date.now() - began) / 1000;
    await writers.endAll();

    const findings: Finding[] = [finished('everything is done after the faults', recovery)];
    const compared = await checkTables('the tables equal the model row for row', stage, tables);
    const accounted = await checkEvents(stage, messages, waiting);
    const letters = await checkLetters(stage, messages);
    const idle = left < letters.records ? [] : ['nothing was done: give it more minutes, or a machine with less to do'];
    findings.push({ what: 'work goes on under the faults', wrong: idle });
    findings.push(compared.finding, ...accounted.findings, letters.finding, await checkOffsets(stage, 'first'));

    report('once more, with every id forgotten');
    const again = await deliverAgain(stage, waiting.length, folder, report);
    findings.push(...again.findings, {
      ...(await checkLetters(stage, messages)).finding,
      what: 'the same of letters after the second delivery',
    });

    const endings = [...writers.endings, ...again.writers.endings];
    const peakMiB = Math.max(writers.peakMiB, again.writers.peakMiB);
    findings.push(...checkEndings(endings), checkMemory(peakMiB));
    const figures: Figures = {
      options,
      messages: messages.length,
      records: letters.records,
      left,
      sentAgain,
      counts,
      endings,
      starts: writers.starts,
      outages: stage.outages,
      waiting: waiting.length,
      refused: letters.refused,
      letters: letters.letters,
      lost: compared.difference.missing + accounted.lost + letters.lost,
      doubled: compared.difference.overcount + compared.difference.surplus + letters.needless,
      differing: compared.difference.other,
      seconds,
      recovery: recovery.seconds,
      againSeconds: again.seconds,
      peakMiB,
    };
    return { findings, figures, folder };
  } finally {
    await stage.close();
  }
}

function writersOf(stage: Stage, group: string, folder: string, report: (line: string) => void): Writers {
  const writers = new Writers({ ...stage.env, KAFKA_GROUP_ID: group }, folder, report);
  for (let slot = 0; slot < FEWEST; slot++) writers.start(slot);
  return writers;
}

/** Empties the ids and Redis, and reads everything again as another group: no row may change. */
async function deliverAgain(
  stage: Stage,
  waiting: number,
  folder: string,
  report: (line: string) => void,
): Promise<{ findings: Finding[]; writers: Writers; seconds: number | undefined }> {
  const before = await readRows(stage.dataSource);
  await stage.dataSource.query('TRUNCATE dbw.processed_events, dbw.parked_events');
  await stage.flush();
  const writers = writersOf(stage, 'second', folder, report);
  const done = await caughtUp(stage, 'second', waiting, report);
  await writers.endAll();
  const { finding } = await checkTables('no row changes when all is delivered again', stage, before);
  return { findings: [finished('everything is done again', done), finding], writers, seconds: done.seconds };
}

function finished(what: string, { seconds, state }: Awaited<ReturnType<typeof caughtUp>>): Finding {
  return {
    what,
    wrong: seconds === undefined ? [`nothing moves any more though every server is there: ${state}`] : [],
  };
}
