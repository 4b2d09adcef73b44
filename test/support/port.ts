import type { Running } from './cli.js';
import { until } from './until.js';

/** What one of the paths of a running `dbw consume` answers. */
export async function ask(running: Running, path: string): Promise<{ status: number; text: string }> {
  const portOf = () => /"port":(\d+)/.exec(running.output.stderr)?.[1];
  await until(() => portOf() !== undefined, running);
  const port = portOf();
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}
