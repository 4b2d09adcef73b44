import type { ChildProcess } from 'node:child_process';
import type { Server } from './server.js';
import { howItEnded, type Command, type Run } from './run.js';
import { childrenOf, send, stillRuns } from './process-identity.js';
import { until } from './until.js';

/** What distinguishes one of the three servers from the others. */
export interface ServerProgram {
  readonly name: Server['name'];
  readonly port: number;
  /** Where it listens for clients that come through a proxy. */
  readonly proxiedPort?: number | undefined;
  readonly command: Command;
  /** Ends it in good order, its data kept; PostgreSQL, for one, would wait for its clients on SIGTERM. */
  readonly orderly: NodeJS.Signals;
  /** Ends it at once, its data of no further use. */
  readonly abrupt: NodeJS.Signals;
  readonly answers: () => Promise<boolean>;
  /** What the log says when it is worth trying again at once. */
  readonly tryAgain?: RegExp;
}

/** A server that we started as a process of this machine. */
export class ServerProcess implements Server {
  readonly host = '127.0.0.1';
  #child: ChildProcess | undefined;

  constructor(
    private readonly run: Run,
    private readonly program: ServerProgram,
  ) {}

  get name(): Server['name'] {
    return this.program.name;
  }

  get port(): number {
    return this.program.port;
  }

  get proxiedPort(): number | undefined {
    return this.program.proxiedPort;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child && isRunning(this.#child) ? this.#child.pid : undefined;
  }

  async start(): Promise<void> {
    const { name, port, answers, tryAgain } = this.program;
    if (this.pid !== undefined) return;
    let child = this.#spawn();
    const hopeless = () => {
      if (isRunning(child)) return undefined;
      const lines = this.run.lastLines(name);
      if (tryAgain?.test(lines)) child = this.#spawn();
      else return `${name} ended while starting (${howItEnded(child)}); its log ends with\n${lines}`;
      return undefined;
    };
    const what = `${name} to answer on ${this.host}:${String(port)}`;
    try {
      await until(what, answers, { seconds: 60, hopeless });
    } catch (error) {
      if (isRunning(child))
        throw new Error(`${String(error)}; its log ends with\n${this.run.lastLines(name)}`, { cause: error });
      throw error;
    }
  }

  async stop(signal: NodeJS.Signals = this.program.orderly): Promise<void> {
    const child = this.#child;
    if (!child || !isRunning(child)) return;
    // PostgreSQL's sessions outlive the kill -9 of their server until they look up from their work, and keep the next
    // server from starting; what fails suddenly fails whole.
    const family = signal === 'SIGKILL' && child.pid !== undefined ? childrenOf(child.pid) : [];
    child.kill(signal);
    for (const relative of family) send(signal, relative);
    const isGone = () => !isRunning(child) && !family.some(stillRuns);
    try {
      await until(`${this.name} to end after ${signal}`, isGone, { seconds: 30 });
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  #spawn(): ChildProcess {
    this.#child = this.run.spawn(this.name, this.program.command, this.program.abrupt);
    // Servers that nobody stops must not keep their owner from ending; the keeper ends them after it.
    this.#child.unref();
    return this.#child;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
