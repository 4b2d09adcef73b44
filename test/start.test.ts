import { expect } from 'chai';
import type { DataSource } from 'typeorm';
import { freshDatabase } from './support/database.js';
import { loadedBy, type Loaded } from './support/loaded.js';

/** The libraries that a command should load only where it needs them. */
const HEAVY = ['typeorm', 'pg', 'typebox', 'kafkajs', 'ioredis', 'pino', 'prom-client'];

function heavyIn({ apart, bundled }: Loaded): string[] {
  return HEAVY.filter((name) => apart.has(name) || bundled.has(name));
}

describe('what a command loads', () => {
  let dataSource: DataSource;
  before(async () => {
    dataSource = await freshDatabase();
  });
  after(() => dataSource.destroy());

  it('--help: no command, and no library but those of oclif', async () => {
    const loaded = await loadedBy(['--help']);
    expect(loaded.sources).to.deep.equal([]);
    expect([...loaded.bundled]).to.deep.equal([]);
    expect(heavyIn(loaded)).to.deep.equal([]);
  });

  it('a command on the database alone: itself, and nothing that talks to Kafka or Redis', async () => {
    const loaded = await loadedBy(['runs'], { DB_DATABASE: String(dataSource.options.database) });
    expect(loaded.sources.filter((source) => source.startsWith('commands/'))).to.deep.equal(['commands/runs.ts']);
    expect(heavyIn(loaded)).to.deep.equal(['typeorm', 'pg', 'typebox']);
  });

  it('no library twice: what is in dist/ is not loaded from node_modules/ too', async () => {
    const { apart, bundled } = await loadedBy(['lag'], { DB_DATABASE: String(dataSource.options.database) });
    expect(HEAVY.filter((name) => bundled.has(name))).to.deep.equal(['typeorm', 'pg', 'typebox', 'kafkajs']);
    expect(HEAVY.filter((name) => apart.has(name))).to.deep.equal([]);
  });
});
