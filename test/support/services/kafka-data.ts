import { randomBytes } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the data of a broker that never ran lie, beside its jars. */
export function formatted(folder: string): string {
  return join(folder, 'formatted');
}

/** Gives a broker that will start in `data` what one that never ran has: a place in a cluster. */
export async function copyFormatted(folder: string, data: string, clusterId: string, node: number): Promise<void> {
  await cp(formatted(folder), data, { recursive: true });
  const identity = join(data, 'meta.properties');
  const own = { cluster: clusterId, node: String(node), directory: newClusterId() };
  let text = await readFile(identity, 'utf8');
  for (const [name, id] of Object.entries(own)) {
    text = text.replace(new RegExp(`^${name}\\.id=.*$`, 'm'), `${name}.id=${id}`);
  }
  await writeFile(identity, text);
}

/** A cluster of its own for every run: who remembers offsets knows by the id that these are others. */
export function newClusterId(): string {
  // One that began with a dash would be an option to the program that formats.
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}
