import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaAnswers } from './answers.js';
import { download, downloadFolder, isDownloaded } from './download.js';
import { findJava } from './java.js';
import { javaOptions } from './kafka-classes.js';
import { copyFormatted, formatted, newClusterId } from './kafka-data.js';
import { brokerProperties, log4jProperties, pomXml, version, type Listener } from './kafka-files.js';
import { freePort } from './ports.js';
import type { Program } from './program.js';
import { howToInstall, Missing, onPath } from './programs.js';
import type { Run } from './run.js';
import { ServerProcess } from './server-process.js';
import type { Server } from './server.js';

const broker = `kafka-broker-${version}`;

/** How a broker lets clients in beside the usual way. */
export interface Entrances {
  readonly listeners: readonly Listener[];
  /** Passwords by user, for SCRAM of both lengths. */
  readonly scram: Readonly<Record<string, string>>;
  /** Settings of the broker as a whole. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A place in a cluster of several brokers: the first node is their controller. */
export interface Membership {
  readonly clusterId: string;
  /** The port of the first node's controller. */
  readonly controller: number;
  readonly node: number;
}

/** A cluster that has no node yet. */
export async function newCluster(): Promise<Omit<Membership, 'node'>> {
  return { clusterId: newClusterId(), controller: await freePort() };
}

/**
 * Finds what Apache Kafka needs: Java, and Maven unless its jars were fetched before. With `proxy`, the port of a proxy,
 * the broker has a listener for it.
 */
export function findKafka(proxy?: number, entrances?: Entrances, membership?: Membership): Program | Missing {
  const java = findJava();
  const maven = onPath('mvn');
  const needsMaven = maven === undefined && !isDownloaded(broker);
  if (java === undefined || needsMaven) {
    const lacks = [...(java === undefined ? ['Java 17 or newer'] : []), ...(needsMaven ? ['Maven'] : [])];
    const install = howToInstall('openjdk-17-jre-headless maven', 'openjdk maven');
    return new Missing(`Kafka needs ${lacks.join(' and ')}: ${install}`);
  }
  return {
    async install(run) {
      const home = await java(run);
      const folder =
        maven === undefined
          ? downloadFolder(broker)
          : await download(run, broker, (to) => fetchBroker(run, maven, home, to));
      const file = javaIn(home);
      const options = await javaOptions(run, file, folder);
      return { version, begin: (here) => begin(here, { java: file, options, folder, proxy, entrances, membership }) };
    },
  };
}

/** The jars, and the data of a broker that never ran: formatting them takes a second, copying them none. */
async function fetchBroker(run: Run, maven: string, javaHome: string | undefined, target: string): Promise<void> {
  const pom = join(run.folder, 'kafka-pom.xml');
  await writeFile(pom, pomXml);
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  // A repository for this download alone: a shared one is not safe for two at once, and as large again as the jars.
  const repository = join(run.folder, 'maven');
  const args = ['-q', '-B', '-ntp', '-f', pom, `-Dmaven.repo.local=${repository}`, goal, '-DincludeScope=runtime'];
  await run.execute('maven', {
    file: maven,
    args: [...args, `-DoutputDirectory=${target}`],
    env: mavenEnvironment(javaHome),
  });
  await rm(repository, { recursive: true });
  const data = formatted(target);
  const properties = join(run.folder, 'kafka-format.properties');
  await writeFile(properties, brokerProperties({ port: await freePort(), controller: await freePort() }, data));
  const format = ['kafka.tools.StorageTool', 'format', '-t', newClusterId(), '-c', properties];
  await run.execute('kafka-format', { file: javaIn(javaHome), args: ['-cp', join(target, '*'), ...format] });
}

function mavenEnvironment(javaHome: string | undefined): Record<string, string> {
  if (javaHome === undefined) return {};
  // A runtime that came from elsewhere knows nothing of the authorities that this machine trusts besides the usual.
  const trusted = '/etc/ssl/certs/java/cacerts';
  const trust = existsSync(trusted) ? `-Djavax.net.ssl.trustStore=${trusted}` : '';
  return { JAVA_HOME: javaHome, MAVEN_OPTS: `${trust} ${process.env.MAVEN_OPTS ?? ''}`.trim() };
}

interface Broker {
  readonly java: string;
  readonly options: readonly string[];
  /** Where the jars are. */
  readonly folder: string;
  readonly proxy?: number | undefined;
  readonly entrances?: Entrances | undefined;
  readonly membership?: Membership | undefined;
}

async function begin(run: Run, broker: Broker): Promise<Server> {
  const { java, options, folder, proxy, entrances, membership } = broker;
  const { node = 1, clusterId = newClusterId() } = membership ?? {};
  const [port, controller] = [await freePort(), membership?.controller ?? (await freePort())];
  const proxied = proxy === undefined ? undefined : { port: await freePort(), advertised: proxy };
  const data = await mkdtemp(join(run.folder, 'kafka-'));
  const properties = `${data}.properties`;
  const { listeners = [], settings } = entrances ?? {};
  await writeFile(properties, brokerProperties({ port, controller, proxied, listeners, settings, node }, data));
  const log4j = `${data}.log4j2.properties`;
  await writeFile(log4j, log4jProperties);
  if (entrances) await formatWithUsers(run, broker, properties, entrances.scram);
  else await copyFormatted(folder, data, clusterId, node);
  const logging = `-Dlog4j2.configurationFile=${log4j}`;
  const server = new ServerProcess(run, {
    name: 'kafka',
    port,
    proxiedPort: proxied?.port,
    command: { file: java, args: [...options, logging, '-cp', join(folder, '*'), 'kafka.Kafka', properties] },
    orderly: 'SIGTERM',
    abrupt: 'SIGKILL',
    answers: () => kafkaAnswers({ host: '127.0.0.1', port }),
  });
  await server.start();
  return server;
}

/** Users of SCRAM are part of a cluster's metadata, and the first of them is made with these. */
async function formatWithUsers(
  run: Run,
  { java, options, folder }: Broker,
  properties: string,
  scram: Entrances['scram'],
): Promise<void> {
  const users = Object.entries(scram).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((one) => ['--add-scram', `${one}=[name=${name},password=${password}]`]),
  );
  const tool = [...options, '-cp', join(folder, '*'), 'kafka.tools.StorageTool'];
  await run.execute('kafka-format', {
    file: java,
    args: [...tool, 'format', '-t', newClusterId(), '-c', properties, ...users],
  });
}

function javaIn(home: string | undefined): string {
  return home === undefined ? 'java' : join(home, 'bin', 'java');
}
