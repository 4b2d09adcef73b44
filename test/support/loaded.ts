import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { dbw } from './cli.js';

/** What a run of `dbw` loaded. */
export interface Loaded {
  /** Libraries that came as files of their own. */
  readonly apart: ReadonlySet<string>;
  /** Libraries that came in the files of dist/. */
  readonly bundled: ReadonlySet<string>;
  /** Sources of dbw, below src/. */
  readonly sources: readonly string[];
}

function textIn(object: unknown, name: string): string {
  const value: unknown = typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
  return typeof value === 'string' ? value : '';
}

function listIn(object: unknown, name: string): unknown[] {
  const value: unknown = typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
  return Array.isArray(value) ? value : [];
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The library that a file belongs to. */
function libraryOf(file: string): string[] {
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  return name === undefined ? [] : [name];
}

/** Runs the built `dbw`; V8 tells which files it ran, and the maps of those in dist/ what they were made of. */
export async function loadedBy(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), 'dbw-start-'));
  try {
    const { status, stderr } = await dbw(args, { NODE_V8_COVERAGE: folder, ...env });
    expect(status, stderr).to.equal(0);
    const files = readdirSync(folder)
      .flatMap((name) => listIn(readJson(join(folder, name)), 'result'))
      .map((script) => textIn(script, 'url'))
      .filter((url) => url.startsWith('file:'))
      .map((url) => fileURLToPath(url));
    expect(files.some((file) => file.endsWith('/bin/run.js'))).to.equal(true);
    const parts = files
      .map((file) => `${file}.map`)
      .filter((map) => map.includes('/dist/') && !map.includes('/node_modules/') && existsSync(map))
      .flatMap((map) => listIn(readJson(map), 'sources').map((source) => join(map, '..', String(source))));
    return {
      apart: new Set(files.flatMap(libraryOf)),
      bundled: new Set(parts.flatMap(libraryOf)),
      sources: parts.filter((part) => !part.includes('/node_modules/')).map((part) => part.replace(/^.*\/src\//, '')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
