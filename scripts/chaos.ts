// `npm run test:chaos`: real processes, real servers, and everything that can go wrong, at instants that the seed
// decides; ends with `N passed, N failed` alone on a line. `npm run test:chaos -- --seed 7 --minutes 2 --events 20000`.
import { rmSync } from 'node:fs';
import { findingLines, figureLines } from '../test/chaos/figures.js';
import { readOptions, type Options } from '../test/chaos/options.js';
import { runChaos } from '../test/chaos/run.js';

const began = Date.now();
const report = (line: string) => {
  console.error(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
};

// Ends the processes too; the servers end with us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

const options = asked();
try {
  const { findings, figures, folder } = await runChaos(options, report);
  const failed = findings.filter(({ wrong }) => wrong.length > 0).length;
  console.log([...figureLines(figures), '', ...findingLines(findings)].join('\n'));
  if (failed === 0) rmSync(folder, { recursive: true, force: true });
  else {
    console.log(`\nThe logs of the processes are in ${folder}`);
    console.log(`Again: npm run test:chaos -- ${flags(options)}`);
  }
  console.log(`${findings.length - failed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
} catch (error) {
  console.error(error);
  console.error(`The run itself failed. Again: npm run test:chaos -- ${flags(options)}`);
  process.exit(1);
}

function asked(): Options {
  try {
    return readOptions(process.argv.slice(2), process.env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

function flags({ seed, minutes, events }: Options): string {
  return `--seed ${seed} --minutes ${minutes} --events ${events}`;
}
