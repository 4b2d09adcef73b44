import { Flags } from '@oclif/core';
import { table } from '../output.js';
import { spell } from '../spell.js';
import type { Choice, PlannedRange } from './backfill-plan.js';
import type { Lost } from './ranges.js';

/** The flags that choose a part of history, of `backfill` and `backfill verify`. */
export const rangeFlags = {
  topic: Flags.string({ summary: 'event type, or its topic; may be given more than once', multiple: true }),
  partition: Flags.integer({ summary: 'only this partition; may be given more than once', multiple: true, min: 0 }),
  'from-offset': Flags.integer({ summary: 'from this offset on, in each partition', min: 0, exclusive: ['from-time'] }),
  'from-time': Flags.string({ summary: 'from this time on: ISO 8601, or an age such as 2h' }),
  'to-offset': Flags.integer({ summary: 'to before this offset, in each partition', min: 0, exclusive: ['to-time'] }),
  'to-time': Flags.string({ summary: 'to before this time; default: the end that is seen at the start' }),
};

interface RangeFlags {
  readonly topic?: readonly string[] | undefined;
  readonly partition?: readonly number[] | undefined;
  readonly 'from-offset'?: number | undefined;
  readonly 'from-time'?: string | undefined;
  readonly 'to-offset'?: number | undefined;
  readonly 'to-time'?: string | undefined;
}

/** The part of history that flags name. */
export function choiceOf(flags: RangeFlags): Choice {
  return {
    topics: flags.topic ?? [],
    partitions: flags.partition,
    fromOffset: flags['from-offset'],
    fromTime: flags['from-time'],
    toOffset: flags['to-offset'],
    toTime: flags['to-time'],
  };
}

const MOST_LINES = 40;

function shortTime(time: string | null): string {
  return time === null ? '-' : time.replace(/\.\d+Z$/, 'Z');
}

/** What is going to be read, for people: partitions, the sum, the time that it takes, and what is lost already. */
export function showPlan(
  run: {
    readonly plan: readonly PlannedRange[];
    readonly lost: readonly Lost[];
    readonly events: number;
    readonly seconds?: number | undefined;
    readonly resumes?: { readonly id: number } | undefined;
  },
  rate: number | undefined,
): string {
  const { plan, lost, events, seconds, resumes } = run;
  const rows = plan
    .slice(0, MOST_LINES)
    .map(({ topic, partition, from, to, events: count, firstAt, lastAt }) => [topic, partition, from, to, count, shortTime(firstAt), shortTime(lastAt)]); // prettier-ignore
  const takes = seconds === undefined ? 'unknown; --rate would bound it' : `${spell(seconds)} at ${rate ?? 0} a second`;
  return [
    ...(resumes ? [`Going on with run ${resumes.id}, which was interrupted.`] : []),
    table(['topic', 'partition', 'from', 'to', 'events', 'first', 'last'], rows, {
      cut: ['topic'],
      drop: ['last', 'first'],
    }),
    ...(plan.length > MOST_LINES ? [`… and ${plan.length - MOST_LINES} more partitions`] : []),
    `${events.toLocaleString('en-US')} events; time: ${takes}.`,
    ...lost.map(
      ({ topic, partition, from, to, atMost }) =>
        `Retention has deleted ${atMost ? 'up to ' : ''}${(to - from).toLocaleString('en-US')} events of ${topic}:${partition}, before offset ${to}.`,
    ),
  ].join('\n');
}
