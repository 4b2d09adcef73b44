import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaAnswers } from './answers.js';
import { download } from './download.js';
import { copyFormatted, newClusterId } from './kafka-data.js';
import { brokerProperties, version } from './kafka-files.js';
import { freePort } from './ports.js';
import { howItEnded, type Run } from './run.js';
import { until } from './until.js';

// Compilers and collectors that serve a long life cost a short one a second.
const SHORT_LIVED = ['-Xms64m', '-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/**
 * How Java shall run a broker. To find, check and link five thousand classes is half the work of a start: Java is given them
 * as it has kept them from one broker that came so far, which is made once.
 */
export async function javaOptions(run: Run, java: string, jars: string): Promise<string[]> {
  const folder = await download(run, `kafka-classes-${version}`, (to) => keepClasses(run, java, jars, archiveIn(to)));
  // Java goes on without where these are not of its release, or the jars are others.
  return [...SHORT_LIVED, `-XX:SharedArchiveFile=${archiveIn(folder)}`];
}

function archiveIn(folder: string): string {
  return join(folder, 'classes.jsa');
}

async function keepClasses(run: Run, java: string, jars: string, archive: string): Promise<void> {
  const data = await mkdtemp(join(run.folder, 'kafka-classes-'));
  const properties = `${data}.properties`;
  const [port, controller] = [await freePort(), await freePort()];
  await writeFile(properties, brokerProperties({ port, controller }, data));
  await copyFormatted(jars, data, newClusterId(), 1);
  const options = [...SHORT_LIVED, `-XX:ArchiveClassesAtExit=${archive}`];
  const child = run.spawn('kafka-classes', {
    file: java,
    args: [...options, '-cp', join(jars, '*'), 'kafka.Kafka', properties],
  });
  const ended = once(child, 'exit');
  const hopeless = () =>
    child.exitCode === null && child.signalCode === null
      ? undefined
      : `a first Kafka ended (${howItEnded(child)}); its log ends with\n${run.lastLines('kafka-classes')}`;
  await until('a first Kafka to answer', () => kafkaAnswers({ host: '127.0.0.1', port }), { seconds: 60, hopeless });
  child.kill('SIGTERM');
  await ended;
}
