import { Command, Errors } from '@oclif/core';
import type { Logger } from 'pino';
import { readConfig, type Config, type Environment } from './config.js';
import { EXIT, reasonOf, UserError } from './errors.js';

/** What every command shares: the configuration, and errors without a stack. */
export abstract class DbwCommand extends Command {
  static override enableJsonFlag = true;

  /** The checked configuration; `flags` lie over the environment. */
  protected configuration(flags: Environment = {}): Config {
    const given = Object.entries(flags).filter(([, value]) => value !== undefined);
    return readConfig({ ...process.env, ...Object.fromEntries(given) });
  }

  /** A log on standard error, so that results alone are on standard output. */
  protected async logger(config: Config): Promise<Logger> {
    const { createLog } = await import('./log.js');
    return createLog(config.logLevel, config.kafka.clientId);
  }

  protected override async catch(error: Error): Promise<unknown> {
    if (error instanceof UserError) return super.catch(new Errors.CLIError(error.message, { exit: error.status }));
    if ('oclif' in error) return super.catch(error); // oclif's own: an unknown flag, a missing argument
    const message = `${reasonOf(error)}. This is a fault in dbw; DEBUG=dbw shows where.`;
    if (process.env.DEBUG?.includes('dbw')) process.stderr.write(`${error.stack ?? ''}\n`);
    return super.catch(new Errors.CLIError(message, { exit: EXIT.failed }));
  }
}
