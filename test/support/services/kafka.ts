import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaAnswers } from './answers.js';
import { download, downloadFolder, isDownloaded } from './download.js';
import { findJava } from './java.js';
import { brokerProperties, log4jProperties, pomXml, version } from './kafka-files.js';
import { freePort } from './ports.js';
import type { Program } from './program.js';
import { howToInstall, Missing, onPath } from './programs.js';
import type { Run } from './run.js';
import { ServerProcess } from './server-process.js';
import type { Server } from './server.js';

const jars = `kafka-${version}`;

/** Finds what Apache Kafka needs: Java, and Maven unless its jars were fetched before. */
export function findKafka(): Program | Missing {
  const java = findJava();
  const maven = onPath('mvn');
  const needsMaven = maven === undefined && !isDownloaded(jars);
  if (java === undefined || needsMaven) {
    const lacks = [...(java === undefined ? ['Java 17 or newer'] : []), ...(needsMaven ? ['Maven'] : [])];
    const install = howToInstall('openjdk-17-jre-headless maven', 'openjdk maven');
    return new Missing(`Kafka needs ${lacks.join(' and ')}: ${install}`);
  }
  return {
    async install(run) {
      const home = await java(run);
      const folder =
        maven === undefined ? downloadFolder(jars) : await download(run, jars, (to) => fetchJars(run, maven, home, to));
      return { version, begin: (here) => begin(here, javaIn(home), folder) };
    },
  };
}

async function fetchJars(run: Run, maven: string, javaHome: string | undefined, target: string): Promise<void> {
  const pom = join(run.folder, 'kafka-pom.xml');
  await writeFile(pom, pomXml);
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  // A repository for this download alone: a shared one is not safe for two at once, and as large again as the jars.
  const repository = `-Dmaven.repo.local=${join(run.folder, 'maven')}`;
  const args = ['-q', '-B', '-ntp', '-f', pom, repository, goal, '-DincludeScope=runtime'];
  const env: Record<string, string> = javaHome === undefined ? {} : { JAVA_HOME: javaHome };
  await run.execute('maven', { file: maven, args: [...args, `-DoutputDirectory=${target}`], env });
  const trial = ['-cp', join(target, '*'), 'kafka.Kafka', '--version'];
  await run.execute('kafka-version', { file: javaIn(javaHome), args: trial });
}

async function begin(run: Run, java: string, folder: string): Promise<Server> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const data = await mkdtemp(join(run.folder, 'kafka-'));
  const properties = `${data}.properties`;
  await writeFile(properties, brokerProperties(port, controllerPort, data));
  const log4j = `${data}.log4j2.properties`;
  await writeFile(log4j, log4jProperties);
  const options = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Dlog4j2.configurationFile=${log4j}`];
  const program = [...options, '-cp', join(folder, '*')];
  const clusterId = randomBytes(16).toString('base64url');
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  await run.execute('kafka-format', { file: java, args: [...program, ...format] });
  const server = new ServerProcess(run, {
    name: 'kafka',
    port,
    command: { file: java, args: ['-Xms64m', '-Xmx320m', ...program, 'kafka.Kafka', properties] },
    orderly: 'SIGTERM',
    abrupt: 'SIGKILL',
    answers: () => kafkaAnswers({ host: '127.0.0.1', port }),
  });
  await server.start();
  return server;
}

function javaIn(home: string | undefined): string {
  return home === undefined ? 'java' : join(home, 'bin', 'java');
}
