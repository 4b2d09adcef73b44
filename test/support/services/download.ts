import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { home, type Run } from './run.js';

/** Where a download lies once it is whole; its name holds its version. */
export function downloadFolder(name: string): string {
  return join(home, 'downloads', name);
}

/** True when it need not be fetched. */
export function isDownloaded(name: string): boolean {
  return existsSync(downloadFolder(name));
}

/**
 * Fetches something once for all runs. It is made inside the run's own folder and moved to its place when `fetch` has
 * made and tried it: a folder that bears the name is whole, a broken one vanishes with its run, and two that fetch at
 * once cannot mix, the slower only throws its copy away.
 */
export async function download(run: Run, name: string, fetch: (folder: string) => Promise<void>): Promise<string> {
  const folder = downloadFolder(name);
  if (existsSync(folder)) return folder;
  const partial = join(run.folder, `partial-${name}`);
  await mkdir(partial, { recursive: true });
  await fetch(partial);
  await mkdir(join(home, 'downloads'), { recursive: true });
  try {
    await rename(partial, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
