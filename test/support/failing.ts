import { envelope } from './envelopes.js';
import type { Envelope } from './model.js';
import { unique } from './unique.js';

/** What this work fails with; work that does not is the test's failure. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => 'it did not fail',
    (error: unknown) => ({ error }),
  );
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome.error;
}

/** A user that nobody has created. */
export function user(): Envelope {
  const userId = unique('user');
  const avatarUrl = 'https://cdn.example.org/a.jpg';
  return envelope('user.created', {
    userId,
    username: userId,
    email: `${userId}@example.org`,
    role: 'creator',
    avatarUrl,
  });
}
