import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { documents } from '../scripts/docs/documents.js';

describe('documents that the code writes', () => {
  it('are fresh: npm run docs would change nothing', async () => {
    for (const [file, text] of Object.entries(await documents())) {
      expect(readFileSync(file, 'utf8') === text, `${file} is stale; run: npm run docs`).to.equal(true);
    }
  });
});
