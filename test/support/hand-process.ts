import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DataSource } from 'typeorm';
import { Condition } from '../../src/writing/condition.js';
import { Hand } from '../../src/writing/hand.js';
import { connect } from '../../src/postgres/data-source.js';
import type { Place, Range } from '../../src/writing/suspects.js';
import { databaseConfig } from './database.js';
import type { FailureClass } from '../../src/failures/failure.js';
import { silent } from './log.js';

/** What a process with a hand can be asked to do. */
export type Step =
  | { readonly take: readonly Range[]; readonly writer: number }
  | { readonly find: readonly { topic: string; partition: number }[] }
  | { readonly attempt: Place }
  | { readonly survived: Place };

/** A hand on a database, for tests. */
export function handOn(
  dataSource: DataSource,
  groupId: string,
  signal = new AbortController().signal,
  onRetry: (kind: FailureClass) => void = () => undefined,
  condition = new Condition(),
): Hand {
  return new Hand({ dataSource, groupId, maxAttempts: 3, delayMs: 1, condition, onRetry, signal, log: silent });
}

/** A process of its own that has a hand; it can be killed. */
export class HandProcess {
  private constructor(private readonly child: ChildProcess) {}

  static async start(database: string, groupId: string): Promise<HandProcess> {
    const child = fork(fileURLToPath(import.meta.url), [database, groupId], { execArgv: ['--import', 'tsx'] });
    const started = new HandProcess(child);
    await started.answer();
    return started;
  }

  private async answer(): Promise<unknown> {
    const stop = new AbortController();
    const { signal } = stop;
    try {
      const ended = once(this.child, 'exit', { signal }).then(() => {
        throw new Error('the process ended');
      });
      const [message] = (await Promise.race([once(this.child, 'message', { signal }), ended])) as unknown[];
      return message;
    } finally {
      stop.abort();
    }
  }

  /** What `attempt` returned, for an attempt. */
  async do(step: Step): Promise<unknown> {
    const answer = this.answer();
    this.child.send(step);
    return answer;
  }

  /** SIGKILL is an unclean death; on SIGTERM the hand is closed. Resolves when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }
}

/** The process itself. */
async function main(database: string, groupId: string, send: (answer: unknown) => void): Promise<void> {
  const dataSource = await connect({ ...databaseConfig(database), poolSize: 2 });
  const hand = handOn(dataSource, groupId);
  const take = async (step: Step): Promise<unknown> => {
    if ('take' in step) return hand.take(step.writer, step.take);
    if ('find' in step) return (await hand.suspects(step.find)).size;
    if ('attempt' in step) return hand.attempt(step.attempt);
    return hand.survived(step.survived);
  };
  process.on('message', (step: Step) => {
    void take(step).then((answer) => {
      send(answer ?? null);
    });
  });
  process.on('SIGTERM', () => {
    void hand.close().then(() => process.exit(0));
  });
  send('ready');
}

const [, script, database, groupId] = process.argv;
if (script === fileURLToPath(import.meta.url) && process.send && database !== undefined && groupId !== undefined) {
  const send = process.send.bind(process);
  void main(database, groupId, (answer) => {
    send(answer);
  });
}
