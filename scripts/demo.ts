// `npm run demo`: ten thousand events from Kafka to PostgreSQL on real servers, and the proof that each is there once.
// `npm run demo -- --keep` leaves the servers up afterwards, until Ctrl-C.
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { kept, next } from './demo/next.js';
import { endChildren } from './demo/dbw.js';
import { Interrupted, untilInterrupted } from './demo/interrupt.js';
import { sayError } from './demo/paint.js';
import { demonstrate } from './demo/play.js';
import type { Stage } from './demo/stage.js';

const unknown = process.argv.slice(2).filter((argument) => argument !== '--keep');
if (unknown.length > 0) {
  sayError(`The demo does not know ${unknown.join(' ')}. Use: npm run demo [-- --keep]`);
  process.exit(2);
}
const keep = process.argv.includes('--keep');
let stage: Stage | undefined;
let status = 0;

// `npm run demo | head`: nobody reads any more. What was started ends with this process.
process.stdout.on('error', () => process.exit(1));

const play = demonstrate((opened) => (stage = opened));
try {
  await Promise.race([play, untilInterrupted]);
  console.log(keep && stage ? kept(stage) : next());
  if (keep) await waiting();
} catch (error) {
  if (error instanceof Interrupted) {
    status = 128 + constants.signals[error.signal];
    // The step in hand draws its cross and gives the cursor back.
    await Promise.race([play.catch(() => undefined), delay(500)]);
    if (stage && stage.servers.source !== 'environment') sayError('stopping the servers …');
  } else {
    status = 1;
    sayError(`The demo failed. ${error instanceof Error ? error.message : String(error)}`);
  }
} finally {
  endChildren();
  // Where servers were still starting there is no stage yet: what has begun ends with this process.
  await stage?.close();
}
process.exit(status);

/** Nothing happens any more until somebody ends it. A signal to come does not keep Node running; a timer does. */
async function waiting(): Promise<void> {
  const running = setInterval(() => undefined, 2 ** 30);
  await untilInterrupted.finally(() => {
    clearInterval(running);
  });
}
