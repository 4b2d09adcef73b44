import { once } from 'node:events';

/** Resolves when a signal is aborted, or at once where it is. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort');
  return undefined;
}
