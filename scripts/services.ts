// `npm run services`: the servers that dbw needs, until Ctrl-C. Only the environment to use goes to stdout, so that
// `npm run --silent services > .env.services &` can be sourced.
import { once } from 'node:events';
import { startServers } from '../test/support/services/index.js';

const servers = await startServers({
  report: (line) => {
    console.error(line);
  },
});
for (const [name, value] of Object.entries(servers.env)) console.log(`export ${name}=${quoted(value)}`);
console.error('Ctrl-C stops them.');

// A pending signal does not keep Node running, and the servers must not either.
const running = setInterval(() => undefined, 1 << 30);
await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
clearInterval(running);
await servers.stop();

function quoted(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
