import { findKafka, type Entrances } from './services/kafka.js';
import { Missing } from './services/programs.js';
import { Run } from './services/run.js';

/** A Kafka that one file of tests has for itself, as a process of this machine. */
export interface OwnKafka {
  readonly brokers: string;
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
    return { brokers: `${host}:${port}`, close: () => run.close() };
  } catch (error) {
    await run.close();
    throw error;
  }
}
