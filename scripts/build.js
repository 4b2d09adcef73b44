// `npm run build`: checks src/ and bundles it with its libraries into dist/. A command that has to find a thousand small
// files of libraries takes twice as long to start as one that reads a few large ones.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = `${root}oclif.manifest.json`;

// What a source that is gone left behind must not run any more.
for (const stale of [`${root}dist`, manifest]) rmSync(stale, { recursive: true, force: true });

const compiler = [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`];
const { status } = spawnSync(process.execPath, compiler, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

await build({
  absWorkingDir: root,
  // What oclif looks for by its path; what these share becomes chunks.
  entryPoints: ['commands', 'hooks'].flatMap((folder) =>
    readdirSync(`${root}src/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `src/${folder}/${name}`),
  ),
  outbase: 'src',
  outdir: 'dist',
  // As deep as the sources: what is found beside dist/ is found from there too.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: true,
  sourcesContent: false,
  // Logs and traces tell errors by the names of their classes.
  keepNames: true,
  // oclif and its plugins must be one and the same for all; the other two load machine code, or look for it.
  external: ['@oclif/*', 'lz4-napi', 'pg-native'],
  // pg makes a Response to find out whether it runs at Cloudflare: Node 20 would load its whole HTTP client for that.
  define: { Response: 'undefined' },
  // Libraries that are CommonJS ask for Node's own modules, and for what is not installed, by `require`.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  logLevel: 'warning',
});

// With it oclif knows all commands without loading them.
const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true });
await plugin.load();
writeFileSync(manifest, JSON.stringify(plugin.manifest));
