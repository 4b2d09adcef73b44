import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const file = fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url));

/** Runs `docker compose` for one project of the project's file. */
export async function compose(project: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const all = ['compose', '--file', file, '--project-name', project, ...args];
  await promisify(execFile)('docker', all, { env: { ...process.env, ...env } });
}

/** Removes a project's containers with their data. */
export async function composeDown(project: string): Promise<void> {
  await compose(project, ['down', '--volumes', '--timeout', '0']);
}

/** Notes that containers belong to a run, so that they are removed with it. */
export function recordComposeProject(run: string, project: string): void {
  writeFileSync(join(run, 'compose-project'), project);
}

/** The project whose containers belong to a run, if it has any. */
export function composeProjectOf(run: string): string | undefined {
  try {
    return readFileSync(join(run, 'compose-project'), 'utf8');
  } catch {
    return undefined;
  }
}
