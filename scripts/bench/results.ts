// All that a run has found, as it is kept in a file.
import { readFile } from 'node:fs/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

const Spread = Type.Object({
  median: Type.Number(),
  least: Type.Number(),
  most: Type.Number(),
  values: Type.Array(Type.Number()),
});

const Measured = Type.Object({
  name: Type.String(),
  size: Type.Optional(Type.Number()),
  figures: Type.Record(Type.String(), Spread),
});

const Results = Type.Object({
  machine: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
  /** What was asked for: events, rounds, … */
  asked: Type.Record(Type.String(), Type.Number()),
  /** What each part found, by the part's first name. */
  parts: Type.Record(Type.String(), Type.Array(Measured)),
});

export type Results = Static<typeof Results>;

/** Reads what an earlier run has kept. */
export async function readResults(file: string): Promise<Results> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!Value.Check(Results, content)) throw new Error(`${file} holds no results of npm run bench`);
  return content;
}
