import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, send, stillRuns, type KnownProcess } from './process-identity.js';
import { composeDown, composeProjectOf } from './compose.js';
import { until } from './until.js';

/** The record of the process that started the run and for which it exists. */
export const ownerRecord = 'owner';

/** A process of a run. */
interface ProcessRecord extends KnownProcess {
  /** Ends it at once and lets it clean up what no file removal would: PostgreSQL's shared memory. */
  readonly end: NodeJS.Signals;
}

/** Where a run keeps its records, one file a process. */
export function recordsFolder(run: string): string {
  return join(run, 'processes');
}

/** Notes that a process belongs to a run; returns the file that says so. */
export function recordProcess(run: string, name: string, pid: number, end: NodeJS.Signals): string {
  const file = join(recordsFolder(run), name);
  const record: ProcessRecord = { pid, identity: identityOf(pid) ?? 'gone', end };
  writeFileSync(file, JSON.stringify(record));
  return file;
}

/** Ends the processes of a run, except its owner, then removes its containers and its folder. */
export async function sweep(run: string): Promise<void> {
  const names = namesIn(recordsFolder(run)).filter((name) => name !== ownerRecord);
  await Promise.all(names.map((name) => endRecorded(run, name)));
  const project = composeProjectOf(run);
  if (project !== undefined) await composeDown(project);
  // Others may sweep the same folder at this moment: what is gone already is no error.
  await rm(run, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** Sweeps the runs whose owner is gone: neither it nor its keeper came to do so. */
export async function sweepAbandoned(home: string, report: (line: string) => void): Promise<void> {
  const runs = (await readdir(home)).filter((name) => name.startsWith('run-') && isAbandoned(home, name));
  for (const name of runs) {
    try {
      await sweep(join(home, name));
      report(`removed ${name}, which a killed process had left behind`);
    } catch (error) {
      // Another user's, perhaps. It takes room but is in nobody's way.
      report(`cannot remove ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function isAbandoned(home: string, name: string): boolean {
  const owner = readRecord(join(home, name), ownerRecord);
  if (owner) return !stillRuns(owner);
  // Between the making of the folder and the record there is only the pid in the name to go by.
  return identityOf(Number(name.split('-')[1])) === undefined;
}

async function endRecorded(run: string, name: string): Promise<void> {
  const record = readRecord(run, name);
  if (!record) return;
  const isGone = () => !stillRuns(record);
  for (const signal of [record.end, 'SIGKILL'] as const) {
    if (isGone()) return;
    send(signal, record);
    try {
      await until(`${name} (pid ${String(record.pid)}) to end after ${signal}`, isGone, { seconds: 10 });
    } catch (error) {
      if (signal === 'SIGKILL') throw error;
    }
  }
}

/** What a run knows of one of its processes; nothing once it has ended. */
export function readRecord(run: string, name: string): ProcessRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(join(recordsFolder(run), name), 'utf8'));
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is ProcessRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'identity' in value &&
    typeof value.identity === 'string' &&
    'end' in value &&
    typeof value.end === 'string'
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
