// CPU and memory of processes on this machine, as Linux counts them.
import { readFile } from 'node:fs/promises';
import { withClient } from './databases.js';

/** Linux tells CPU time in ticks of 1/100 s, whatever the kernel's own. */
const TICKS_PER_SECOND = 100;

export interface Used {
  /** The most memory that it held, in MiB. */
  readonly peakMiB: number;
  /** CPU of all its threads, in seconds. */
  readonly cpuSeconds: number;
}

function read(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

/** Seconds of CPU of a process, and of those that it started and that have ended. */
async function secondsOf(pid: number): Promise<{ own: number; ended: number }> {
  const stat = await read(pid, 'stat');
  // From the third field on; the second, in brackets, may hold anything.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, userOfEnded = 0, systemOfEnded = 0] = fields.slice(11, 15);
  return { own: (user + system) / TICKS_PER_SECOND, ended: (userOfEnded + systemOfEnded) / TICKS_PER_SECOND };
}

/** What a process has used so far; undefined when it is gone, and where this is no Linux. */
export async function usedBy(pid: number): Promise<Used | undefined> {
  const [status, { own }] = await Promise.all([read(pid, 'status'), secondsOf(pid)]);
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return peak === undefined ? undefined : { peakMiB: Number(peak) / 1024, cpuSeconds: own };
}

/** The process that started all others of the server of a database; undefined where that is not on this machine. */
async function postmasterOf(database: string): Promise<number | undefined> {
  return withClient(database, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const status = await read(rows[0]?.pid ?? 0, 'status');
    const parent = /^Name:\s+postgres$/m.test(status) ? /^PPid:\s+(\d+)$/m.exec(status)?.[1] : undefined;
    return parent === undefined ? undefined : Number(parent);
  });
}

/** Seconds of CPU of the whole server of a database since its start; undefined where that is not on this machine. */
export async function postgresCpu(database: string): Promise<number | undefined> {
  const postmaster = await postmasterOf(database);
  if (postmaster === undefined) return undefined;
  const children = (await read(postmaster, `task/${postmaster}/children`)).trim().split(' ').map(Number);
  const all = await Promise.all(children.map(secondsOf));
  const { own, ended } = await secondsOf(postmaster);
  return all.reduce((sum, child) => sum + child.own, own + ended);
}
