import { findKafka, newCluster, type Entrances } from './services/kafka.js';
import { Missing } from './services/programs.js';
import { Run } from './services/run.js';
import type { Server } from './services/server.js';

/** A Kafka that one file of tests has for itself, as a process of this machine. */
export interface OwnKafka {
  readonly brokers: string;
  /** Under which it keeps what it holds. */
  readonly folder: string;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Starts a Kafka beside the one that the environment names. */
export async function ownKafka(entrances?: Entrances): Promise<OwnKafka> {
  const program = findKafka(undefined, entrances);
  if (program instanceof Missing) throw new Error(program.sentence);
  const run = await Run.open(() => undefined);
  try {
    const { host, port } = await (await program.install(run)).begin(run);
    return { brokers: `${host}:${port}`, folder: run.folder, close: () => run.close() };
  } catch (error) {
    await run.close();
    throw error;
  }
}

/** Brokers of one cluster, numbered from 1, the first of which is its controller. */
export interface OwnCluster extends OwnKafka {
  readonly servers: readonly Server[];
  /** Starts one more. */
  join(): Promise<Server>;
}

/** Starts a cluster of one broker, which others may join. */
export async function ownCluster(): Promise<OwnCluster> {
  const cluster = await newCluster();
  const run = await Run.open(() => undefined);
  const servers: Server[] = [];
  const join = async (): Promise<Server> => {
    const program = findKafka(undefined, undefined, { ...cluster, node: servers.length + 1 });
    if (program instanceof Missing) throw new Error(program.sentence);
    const server = await (await program.install(run)).begin(run);
    servers.push(server);
    return server;
  };
  const close = () => run.close();
  try {
    await join();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    servers,
    folder: run.folder,
    join,
    close,
    get brokers() {
      return servers.map(({ host, port }) => `${host}:${port}`).join();
    },
  };
}
