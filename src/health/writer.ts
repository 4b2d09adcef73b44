import { reasonOf } from '../errors.js';
import type { Health } from './health.js';

/** What a running writer says of itself. */
export interface WriterAnswer {
  /** Without user and password. */
  readonly url: string;
  /** Why it could not be asked; null where it answered. */
  readonly error: string | null;
  readonly health: Health | null;
  /** `/livez`: whether it can make progress. */
  readonly alive: boolean | null;
  /** Why not, or why it is alive although nothing moves. */
  readonly aliveReason: string | null;
  /** `/readyz`: whether everything is read and written as it should be. */
  readonly ready: boolean | null;
  readonly reasons: readonly string[];
}

/** Milliseconds. */
const DEADLINE_MS = 5_000;
/** No answer of a writer is longer; anything else may be. */
const MOST_BYTES = 4 * 1024 * 1024;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHealth(value: unknown): value is Health {
  if (!isRecord(value)) return false;
  const { status, kafka, database, redis } = value;
  const isConnected = (part: unknown) => isRecord(part) && typeof part.connected === 'boolean';
  return typeof status === 'string' && isConnected(kafka) && isConnected(database) && isConnected(redis);
}

/** The text of an answer; undefined where it is longer than any of a writer. */
async function bodyOf({ body }: Response): Promise<string | undefined> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const part: unknown = await reader?.read();
    if (!isRecord(part) || !(part.value instanceof Uint8Array)) return text;
    text += decoder.decode(part.value, { stream: true });
    if (text.length <= MOST_BYTES) continue;
    await reader?.cancel();
    return undefined;
  }
}

async function get(base: URL, path: string): Promise<unknown> {
  const url = new URL(base.pathname.replace(/\/*$/, path), base);
  const headers = base.username === '' ? {} : { authorization: `Basic ${btoa(`${base.username}:${base.password}`)}` };
  url.username = url.password = '';
  const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS), headers, redirect: 'error' });
  const strange = new Error(
    `${path} answers ${response.status}, and not as a writer does; is it the port of dbw consume?`,
  );
  if (![200, 503].includes(response.status)) throw strange;
  const text = await bodyOf(response);
  if (text === undefined) throw strange;
  try {
    return JSON.parse(text);
  } catch {
    throw strange;
  }
}

/** Why fetch failed; its own message says only that it did. */
function whyOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `it says nothing for ${DEADLINE_MS / 1000} s`;
  return reasonOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}

/** Asks a running writer's port. Never throws: what goes wrong is part of the answer. */
export async function askWriter(base: URL): Promise<WriterAnswer> {
  const shown = new URL(base);
  shown.username = shown.password = '';
  const nothing = { url: shown.href, health: null, alive: null, aliveReason: null, ready: null, reasons: [] };
  try {
    const [health, live, ready] = await Promise.all([get(base, '/health'), get(base, '/livez'), get(base, '/readyz')]);
    if (!isHealth(health) || !isRecord(live) || !isRecord(ready)) {
      return { ...nothing, error: 'it answers, but not as a writer does; is it the port of dbw consume?' };
    }
    const reasons: readonly unknown[] = Array.isArray(ready.reasons) ? ready.reasons : [];
    return {
      url: shown.href,
      error: null,
      health,
      alive: live.alive === true,
      aliveReason: typeof live.reason === 'string' ? live.reason : null,
      ready: ready.ready === true,
      reasons: reasons.map(String),
    };
  } catch (error) {
    return { ...nothing, error: whyOf(error) };
  }
}
