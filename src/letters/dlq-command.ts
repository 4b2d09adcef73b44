import type { Config } from '../config.js';
import { DbwCommand } from '../command.js';
import { EXIT, UserError } from '../errors.js';
import type { Servers } from '../servers.js';
import type { LetterTopic } from './letter-topic.js';

/** What a command on dead letters works with. */
export interface Opened {
  readonly config: Config;
  readonly servers: Servers;
  readonly topic: LetterTopic;
  readonly prefix: string;
  /** Aborted at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What the commands on dead letters share: the topic opened, everything closed again, an end when nobody reads on. */
export abstract class DlqCommand extends DbwCommand {
  /**
   * Runs `work` with a dead-letter topic.
   *
   * @param named the topic; default: that of the configuration
   * @throws UserError where there is none, a server is away, or somebody interrupted
   */
  protected async withLetters<T>(
    named: string | undefined,
    work: (opened: Opened) => Promise<T>,
    duty: 'look' | 'write' = 'look',
  ): Promise<T> {
    endOnClosedPipe();
    const config = this.configuration();
    const log = await this.logger(config, 'warn');
    const { signal, end } = this.interruption();
    try {
      const [{ openServers }, { LetterTopic }, { registry }] = await Promise.all([
        import('../servers.js'),
        import('./letter-topic.js'),
        import('../handlers/index.js'),
      ]);
      const servers = await openServers(config, this.config.version, log, duty);
      try {
        const prefix = config.kafka.topicPrefix;
        const topic = await LetterTopic.open({ servers, registry, prefix }, named ?? config.deadLetters.topic);
        const result = await work({ config, servers, topic, prefix, signal });
        if (signal.aborted) throw new UserError('Interrupted.', EXIT.interrupted);
        return result;
      } finally {
        await servers.close();
      }
    } finally {
      end();
    }
  }
}

/** Ends the process quietly when what reads our output has ended (`| head`). */
function endOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
  });
}
