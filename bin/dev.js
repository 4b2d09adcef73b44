#!/usr/bin/env -S node --import tsx
// Runs the commands from src/ without a build.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execute, Plugin, settings } from '@oclif/core';

// oclif would look for the sources itself, by a loader that cannot be registered twice, and without a word run the last
// build. So it is given a plugin whose commands are the sources, with no list of them that a build wrote down.
settings.enableAutoTranspile = false;
const root = dirname(import.meta.dirname);
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8').replaceAll('./dist/', './src/'));
const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true });
await plugin.load();

await execute({
  development: true,
  dir: import.meta.url,
  loadOptions: { root, pjson, plugins: new Map([[plugin.name, plugin]]) },
});
