import { failureOf, type Failure } from '../failures/failure.js';

/** Code of ours that does no I/O failed over what an event says. */
export class Bug extends Error {
  constructor(readonly origin: unknown) {
    super('a handler or what is made of its changes failed', { cause: origin });
  }
}

/**
 * Runs code that does no I/O: what it throws is a bug, and nothing that the database could be blamed for.
 *
 * @throws Bug
 */
export function pure<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Bug(error);
  }
}

/** What a failed write says, and what to do about it. */
export function blame(error: unknown): Failure {
  if (!(error instanceof Bug)) return failureOf(error);
  return { class: 'bug', reason: 'our own code failed over the event', halve: false, reconnect: false };
}

/** Whether a failure may be one event's, so that others of its batch can be written without it. */
export function mayBeOneEvents({ class: kind }: Failure): boolean {
  return kind === 'data' || kind === 'dependency' || kind === 'bug' || kind === 'unknown';
}
