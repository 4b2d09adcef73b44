import { randomBytes } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the data of a broker that never ran lie, beside its jars. */
export function formatted(folder: string): string {
  return join(folder, 'formatted');
}

/** Gives a broker that will start in `data` what one that never ran has, in a cluster of its own. */
export async function copyFormatted(folder: string, data: string): Promise<void> {
  await cp(formatted(folder), data, { recursive: true });
  const identity = join(data, 'meta.properties');
  const template = await readFile(identity, 'utf8');
  await writeFile(identity, template.replace(/^cluster\.id=.*$/m, `cluster.id=${newClusterId()}`));
}

/** A cluster of its own for every run: who remembers offsets knows by the id that these are others. */
export function newClusterId(): string {
  // One that began with a dash would be an option to the program that formats.
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}
