// What the keeper runs once the owner of a run is gone: `sweep.ts <folder of the run>`.
import { basename, dirname } from 'node:path';
import { sweep } from './left-overs.js';
import { home } from './run.js';

const run = process.argv[2] ?? '';
// It removes a folder with all that is in it: only ever one of ours.
if (`${dirname(run)}/` === home && basename(run).startsWith('run-')) await sweep(run);
