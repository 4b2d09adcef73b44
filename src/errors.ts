/** Exit statuses that scripts may rely on. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  refused: 5,
  lost: 6,
  away: 7,
  interrupted: 130,
} as const;

/** An error for the person at the terminal: what happened, to what, and what to do now. Printed without a stack. */
export class UserError extends Error {
  constructor(
    message: string,
    readonly status: number = EXIT.failed,
  ) {
    super(message);
    this.name = 'UserError';
  }
}

/** A setting is wrong, or contradicts another. */
export class ConfigError extends UserError {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, EXIT.usage);
    this.name = 'ConfigError';
  }
}

/** A server that a command cannot do without does not answer. */
export class AwayError extends UserError {
  constructor(
    readonly server: string,
    place: string,
    cause: unknown,
    remedy: string,
  ) {
    super(`${server} at ${place} does not answer: ${reasonOf(cause).replace(/\.$/, '')}. ${remedy}`, EXIT.away);
    this.name = 'AwayError';
  }
}

/** The code of a library's error (`ECONNREFUSED`, a SQLSTATE), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  if ('cause' in error) return codeOf(error.cause);
  return undefined;
}

/** What OpenSSL says, as Node passes it on: `…:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:…`. */
const OPENSSL = /[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^\n]*\n?/;

/** One line that says why, for logs and messages. PostgreSQL's `detail` is never part of it: it holds values of rows. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = codeOf(error);
  const message = (error instanceof Error ? error.message : String(error)).replace(OPENSSL, '$1');
  if (message === '') return code ?? 'unknown error';
  return code !== undefined && !message.includes(code) ? `${message} (${code})` : message;
}
