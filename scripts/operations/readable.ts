/** What differs from run to run on one machine, and what stands for it in the document. */
export interface Surroundings {
  /** Addresses, names of users and hosts, ports: found as they are, replaced where they stand. */
  readonly names: readonly (readonly [found: string, standsFor: string])[];
  /** When it was played, in milliseconds since 1970: times within a day of it differ, others belong to the events. */
  readonly playedAt: number;
}

const DAY_MS = 86_400_000;
const NIGHT = '2024-05-02T03:12:00.000Z';
const TIME = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
/** A line that tells how far a command is: whether one comes is a question of time. */
const PROGRESS = /^\{"progress":.*\n?/gm;
/** From one second of the play to another, which is the same one when it is quick. */
const SPAN = /(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ) to \1/g;
/** The version of PostgreSQL, and how many connections there happened to be. */
const CONNECTIONS = /: \d+\.\d+, \d+ connections?\b/g;
/** Nothing comes while it is played. */
const PACE = /in [\d,]+\/s {2}out [\d,]+\/s/g;
/** How long something has waited or will take: in a column, or behind these words. */
const DURATION = /(?<= {2}|oldest |caught up in )\d+ (?:s|min(?: \d+ s)?)(?= {2}|$)/;
/** Little bars of 24 hours; everything that was played is of the last. */
const BARS = /│[ ▁▂▃▄▅▆▇█]{24}│/g;

/** A time of the play as a fixed one of the same form; any other as it is. */
function timeOf(found: string, playedAt: number): string {
  const at = Date.parse(found.replace(' ', 'T'));
  if (Math.abs(at - playedAt) > DAY_MS) return found;
  return NIGHT.replace('T', found.charAt(10)).slice(0, found.length - 1) + 'Z';
}

/** A shorter or longer word in front of a gap: what stands behind the gap stays where it was. */
function inColumn(text: string, pattern: RegExp, standsFor: string): string {
  return text.replace(new RegExp(`(${pattern.source})( {2,}|)`, 'gm'), (_, found: string, gap: string) =>
    gap === '' ? standsFor : standsFor.padEnd(Math.max(found.length + gap.length, standsFor.length + 2)),
  );
}

/** Replaces a word; where it stands in a column of a table, the whole column becomes as wide as the new word. */
export function replaceInTable(text: string, found: string, standsFor: string): string {
  const blocks = text.split('\n\n').map((block) => {
    const lines = block.split('\n');
    const at = lines.map((line) => line.indexOf(found)).find((place) => place >= 0);
    const isTable = at !== undefined && lines.length > 1 && lines.some((line) => line.startsWith(`${found}  `, at));
    if (!isTable) return block.replaceAll(found, standsFor);
    return lines.map((line) => {
      const cell = line.slice(at, at + found.length).replace(found, standsFor).trimEnd();
      return (line.slice(0, at) + cell.padEnd(standsFor.length) + line.slice(at + found.length)).trimEnd();
    }).join('\n'); // prettier-ignore
  });
  return blocks.join('\n\n');
}

/** What a command printed, with fixed stand-ins for all that would be different the next time. */
export function readable(text: string, { names, playedAt }: Surroundings): string {
  const named = names.reduce((so, [found, standsFor]) => replaceInTable(so, found, standsFor), text);
  const timed = named
    .replace(PROGRESS, '')
    .replace(TIME, (found) => timeOf(found, playedAt))
    .replace(SPAN, '$1')
    .replace(CONNECTIONS, ': 18.4, 4 connections')
    .replace(BARS, `│${' '.repeat(23)}█│`)
    .replace(PACE, 'in 0/s  out 1,500/s');
  return inColumn(timed, DURATION, '9 s');
}
