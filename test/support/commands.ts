import { fileURLToPath } from 'node:url';
import { Config, type Command } from '@oclif/core';

/** A command of dbw itself, as oclif knows it. */
export type Loadable = Command.Loadable;

/** Every command of dbw, built; those of plugins are left out. */
export async function allCommands(): Promise<{ config: Config; commands: Loadable[] }> {
  const config = await Config.load({ root: fileURLToPath(new URL('../../', import.meta.url)), ignoreManifest: true });
  const commands = config.commands.filter(({ pluginName }) => pluginName === config.name);
  return { config, commands: commands.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** The commands in its examples, each as it is typed. */
export function examplesOf({ examples = [] }: Loadable): string[] {
  return examples
    .map((example) => (typeof example === 'string' ? example : example.command))
    .map((text) => text.replaceAll('<%= config.bin %>', 'dbw').trim());
}

/** The arguments of a typed command, without `dbw` and what the shell would do with its output. */
export function wordsOf(typed: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of typed.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    if (plain !== undefined && /^(\||>{1,2}|2>.*|&&)$/.test(plain)) break;
    words.push(double ?? single ?? plain ?? '');
  }
  return words.slice(1);
}
