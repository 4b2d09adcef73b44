import { Command, Errors, ux } from '@oclif/core';
import type { Logger } from 'pino';
import { readConfig, type Config, type Environment } from './config.js';
import { EXIT, reasonOf, UserError } from './errors.js';
import { usageError } from './mistakes.js';
import { jsonText, printableLines, screened } from './printable.js';
import { tell } from './tell.js';

/** What every command shares: the configuration, errors without a stack, and that nothing it prints steers a terminal. */
export abstract class DbwCommand extends Command {
  static override enableJsonFlag = true;

  /** The checked configuration; `flags` lie over the environment. */
  protected configuration(flags: Environment = {}): Config {
    const given = Object.entries(flags).filter(([, value]) => value !== undefined);
    return readConfig({ ...process.env, ...Object.fromEntries(given) });
  }

  /**
   * A log on standard error, so that results alone are on standard output.
   *
   * @param least what is less than that is not told, whatever LOG_LEVEL says: for commands that end
   */
  protected async logger(config: Config, least?: 'warn'): Promise<Logger> {
    const { createLog } = await import('./log.js');
    const isChatty = least !== undefined && config.logLevel === 'info';
    return createLog(isChatty ? least : config.logLevel, config.kafka.clientId);
  }

  /** Tells the person at the terminal something that is no result: on standard error, also with --json. */
  protected tell(text: string): void {
    process.stderr.write(`${screened(text)}\n`);
  }

  /** Prints a result for people; values from outside are made printable where the text is made, before they are coloured. */
  override log(text = ''): void {
    super.log(screened(text));
  }

  override logToStderr(text = ''): void {
    super.logToStderr(screened(text));
  }

  protected override logJson(result: unknown): void {
    ux.stdout(jsonText(result, 2));
  }

  /**
   * Ends the work in order at Ctrl-C or SIGTERM, and at once at a second one.
   *
   * @returns a signal that is aborted then, and what takes the handlers away again
   */
  protected interruption(): { readonly signal: AbortSignal; readonly end: () => void } {
    const stop = new AbortController();
    const onSignal = (signal: NodeJS.Signals) => {
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? EXIT.interrupted : 143);
      // The terminal has printed ^C where the next line is to begin.
      if (signal === 'SIGINT' && process.stderr.isTTY) process.stderr.write('\n');
      stop.abort();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    return {
      signal: stop.signal,
      end: () => {
        process.off('SIGTERM', onSignal);
        process.off('SIGINT', onSignal);
      },
    };
  }

  /**
   * Asks before much is changed.
   *
   * @param isAgreed whether `--yes` was given
   * @throws UserError where nobody can be asked, or the answer is no
   */
  protected async confirm(question: string, isAgreed: boolean): Promise<void> {
    if (isAgreed) return;
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw new UserError('This changes much, and there is no terminal to ask on. Add --yes to go on.', EXIT.usage);
    }
    const { confirm, isCancel } = await import('@clack/prompts');
    const answer = await confirm({ message: printableLines(question), initialValue: false, output: process.stderr });
    if (isCancel(answer)) throw new UserError('Interrupted; nothing was changed.', EXIT.interrupted);
    if (!answer) throw new UserError('Nothing was changed.', EXIT.refused);
  }

  /**
   * Ends the process, with the status it has so far, when nobody reads its output any more (`| head`): for commands that
   * print without end, or for long. Others go on: what they change is to be done whole.
   */
  protected endWhenUnread(): void {
    process.stdout.on('error', () => process.exit());
  }

  protected override async catch(error: Error): Promise<unknown> {
    // In between oclif throws errors of its own to end in order.
    if (error instanceof Errors.ExitError) throw error;
    return tell(await this.asUserError(error), this.jsonEnabled());
  }

  private async asUserError(error: Error): Promise<UserError> {
    if (error instanceof UserError) return error;
    if (error instanceof Errors.CLIError) {
      const flags = Object.keys({ ...this.ctor.flags, ...this.ctor.baseFlags, json: true });
      return usageError(error, { bin: this.config.bin, id: this.id ?? '', flags });
    }
    if (process.env.DEBUG?.includes('dbw')) process.stderr.write(`${printableLines(error.stack ?? '')}\n`);
    // Loaded now: most commands end well.
    const { failureOf } = await import('./failures/failure.js');
    const { class: kind, reason, remedy = 'Try it again in a moment.' } = failureOf(error);
    const isServers = kind === 'systemic' || kind === 'transient';
    const status = kind === 'systemic' ? EXIT.refused : EXIT.away;
    if (isServers)
      return new UserError(
        `${reason.charAt(0).toUpperCase()}${reason.slice(1)}: ${reasonOf(error)}. ${remedy}`,
        status,
      );
    return new UserError(`${reasonOf(error)}. This is a fault in dbw; DEBUG=dbw shows where.`, EXIT.failed);
  }
}
