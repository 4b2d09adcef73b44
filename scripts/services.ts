// `npm run services`: the servers that dbw needs, until Ctrl-C. Only the environment to use goes to stdout, so that
// `npm run --silent services > servers.env &` writes a file to source.
import { startServers, type Servers } from '../test/support/services/index.js';

try {
  const servers = await startServers({ report });
  // Listens before it says so: until then a signal ends us at once, and the keeper ends the servers.
  const end = asked();
  for (const [name, value] of Object.entries(servers.env)) console.log(`export ${name}=${quoted(value)}`);
  report(servers.source === 'environment' ? 'Ctrl-C ends this; the servers stay.' : 'Ctrl-C stops them.');
  await end;
  await stop(servers);
} catch (error) {
  report(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** Waits until somebody asks us to end. Neither a signal to come nor the servers keep Node running; a timer does. */
async function asked(): Promise<void> {
  const running = setInterval(() => undefined, 2 ** 30);
  await new Promise<void>((resolve) => {
    // Handlers that stay: npm passes Ctrl-C on to those who have it from the terminal already, and the second must not
    // end us in the middle of the work that the first began.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, resolve);
  });
  clearInterval(running);
}

async function stop(servers: Servers): Promise<void> {
  await servers.stop();
  report('stopped');
}

function report(line: string): void {
  console.error(line);
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
