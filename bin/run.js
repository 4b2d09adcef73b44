#!/usr/bin/env node
import module from 'node:module';

// Node ≥ 22.8 keeps compiled code between runs: a command typed during an incident starts at once.
module.enableCompileCache?.();
const { execute } = await import('@oclif/core');
await execute({ dir: import.meta.url });
// What a server that hangs still holds open must not keep a finished command from ending.
process.exit();
