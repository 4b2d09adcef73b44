import { Errors } from '@oclif/core';
import type { UserError } from './errors.js';
import { laidOut } from './mistakes.js';
import { paintError } from './paint.js';
import { jsonText, printableLines } from './printable.js';

/** What every command with `--json` prints on standard output where it fails. */
export interface Failed {
  readonly error: {
    readonly message: string;
    /** The exit status of the process. */
    readonly status: number;
  };
}

/**
 * Tells of an error, and ends the process with its status: one JSON document on standard output, or a message on standard
 * error. oclif would break the message every 74 columns, in the middle of commands too.
 */
export function tell(error: UserError, asJson: boolean): never {
  const { message, status } = error;
  if (asJson) {
    const failed: Failed = { error: { message, status } };
    process.stdout.write(`${jsonText(failed, 2)}\n`);
  } else {
    const width = process.stderr.isTTY ? process.stderr.columns : undefined;
    process.stderr.write(`${laidOut(`${paintError.red('Error:')} ${printableLines(message)}`, width)}\n`);
  }
  return Errors.exit(status);
}
