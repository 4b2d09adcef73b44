// `npm run docs`: writes what the code knows into the documents: docs/events.md, docs/errors.md and docs/commands.md whole, and the marked parts of the README.
// test/docs.test.ts says when they are stale.
import { writeFileSync } from 'node:fs';
import { documents } from './docs/documents.js';

for (const [file, text] of Object.entries(await documents())) writeFileSync(file, text);
