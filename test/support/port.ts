import type { Running } from './cli.js';

/** What one of the paths of a running `dbw consume` answers. */
export async function ask(running: Running, path: string): Promise<{ status: number; text: string }> {
  const port = /"port":(\d+)/.exec(running.output.stderr)?.[1];
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}
