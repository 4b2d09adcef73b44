import { Flags } from '@oclif/core';

/** The flags that choose among dead letters, the same for all commands; `filterOf` (filter.ts) reads what they were given. */
export const letterFlags = {
  'event-type': Flags.string({
    summary: 'letters of this event type; of what had none, the topic says it',
    ...{ multiple: true, multipleNonGreedy: true, delimiter: ',', helpValue: 'TYPE', helpGroup: 'FILTER' },
  }),
  reason: Flags.string({
    summary: 'letters that died of this: malformed, invalid, unknown_type, …',
    ...{ multiple: true, multipleNonGreedy: true, delimiter: ',', helpValue: 'REASON', helpGroup: 'FILTER' },
  }),
  fingerprint: Flags.string({
    summary: 'letters of this cause, as dbw dlq summary lists them',
    ...{ multiple: true, multipleNonGreedy: true, delimiter: ',', helpValue: 'HEX', helpGroup: 'FILTER' },
  }),
  'event-id': Flags.string({
    summary: 'the letters of this event',
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'ID', helpGroup: 'FILTER' },
  }),
  since: Flags.string({
    summary: 'letters that died at this time or later: ISO 8601, or an age such as 2h',
    ...{ helpValue: 'TIME', helpGroup: 'FILTER' },
  }),
  until: Flags.string({
    summary: 'letters that died before this time: ISO 8601, or an age such as 30m',
    ...{ helpValue: 'TIME', helpGroup: 'FILTER' },
  }),
  partition: Flags.integer({
    summary: 'letters in this partition of the dead-letter topic',
    ...{ multiple: true, multipleNonGreedy: true, min: 0, helpValue: 'N', helpGroup: 'FILTER' },
  }),
};

/** The flag that names the dead-letter topic. */
export const topicFlag = {
  topic: Flags.string({
    summary: 'the dead-letter topic, also of Kafka Connect or Spring; default: DLQ_TOPIC',
    helpValue: 'TOPIC',
  }),
};

/** What was typed for `letterFlags`. */
export interface LetterFlags {
  readonly 'event-type'?: readonly string[] | undefined;
  readonly reason?: readonly string[] | undefined;
  readonly fingerprint?: readonly string[] | undefined;
  readonly 'event-id'?: readonly string[] | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly partition?: readonly number[] | undefined;
}
