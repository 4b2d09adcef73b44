import type { Config } from '../config.js';
import { reasonOf } from '../errors.js';
import { namesOf } from '../kafka/leaders.js';
import { count, spell } from '../spell.js';
import type { Answers, Asked } from './probe.js';
import type { WriterAnswer } from './writer.js';

/** One question, and what came of it. */
export interface Check {
  readonly what: string;
  /** `bad`: nothing can be written; `poor`: it works, but worse than it should. */
  readonly found: 'good' | 'poor' | 'bad';
  readonly answer: string;
  /** What to do where it is not good. */
  readonly remedy?: string;
}

/** What went wrong, and the last sentence of its message, which says what to do. */
function failed(what: string, error: Error, remedy: string, found: Check['found'] = 'bad'): Check {
  const reason = reasonOf(error);
  const [, answer = reason, told] = /^(.*?[^.])\. ([A-Z][^]*)$/.exec(reason) ?? [];
  return { what, found, answer, remedy: told ?? remedy };
}

function kafkaChecks({ kafka: config, deadLetters }: Config, kafka: Answers['kafka']): Check[] {
  const place = config.brokers.join(',');
  if ('error' in kafka) return [failed('Kafka', kafka.error, 'Start it, or correct KAFKA_BROKERS.')];
  const { brokers, lag, unled, topics, missing, losesLetters, hasLetterTopic } = kafka.value;
  const there = `${topics} of ${topics + missing.length} are there`;
  const which = missing.length > 3 ? '' : ` (not ${missing.join(', ')})`;
  return [
    { what: 'Kafka', found: 'good', answer: `${place}: ${count(brokers, 'broker')}` },
    missing.length === 0
      ? { what: 'source topics', found: 'good', answer: there }
      : {
          what: 'source topics',
          found: topics === 0 ? 'poor' : 'good',
          answer: there + which,
          remedy: 'To create them: dbw topics create',
        },
    ...(unled.length > 0
      ? [
          {
            what: 'leaders',
            found: 'poor' as const,
            answer: `no broker leads ${namesOf(unled)}: what is there waits`,
            remedy: 'Bring their broker back; the others are read.',
          },
        ]
      : []),
    { what: 'lag', found: 'good', answer: `${count(lag, 'event')} of ${config.groupId} to read` },
    losesLetters
      ? {
          what: 'dead-letter topic',
          found: 'bad',
          answer: `${deadLetters.topic} may delete letters: dbw does not start`,
          remedy: 'Set cleanup.policy=delete, retention.ms=-1 and retention.bytes=-1 on it.',
        }
      : {
          what: 'dead-letter topic',
          found: 'good',
          answer: hasLetterTopic ? deadLetters.topic : `${deadLetters.topic} is made when dbw starts`,
        },
  ];
}

function postgresChecks({ database, park }: Config, postgres: Answers['postgres']): Check[] {
  const place = `${database.host}:${database.port}`;
  if ('error' in postgres) {
    return [failed('PostgreSQL', postgres.error, `Look at the server at ${place}, or correct DB_HOST and DB_PORT.`)];
  }
  const { version, duty, schema, unfit, active, parked } = postgres.value;
  const checks: Check[] = [
    { what: 'PostgreSQL', found: 'good', answer: `${place}: ${version}, ${count(active, 'connection')} of dbw` },
    schema ? failed('schema', schema, 'Run: dbw migrate') : { what: 'schema', found: 'good', answer: 'up to date' },
  ];
  if (unfit) checks.push(failed('fitness', unfit, 'Mend the server, then ask again.'));
  if (duty !== 'keep house') {
    checks.push({
      what: 'rights',
      found: 'poor',
      answer: `${database.username} may ${duty === 'look' ? 'only look' : 'write, but not keep house in schema dbw'}`,
      remedy: 'dbw consume needs another role; see: dbw migrate grants',
    });
  }
  if (!parked) return checks;
  const all = parked.waiting + parked.dead;
  const oldest = parked.waiting > 0 ? `, the oldest for ${spell(parked.oldestMs / 1000)}` : '';
  const dead = parked.dead > 0 ? `; ${parked.dead.toLocaleString('en-US')} more are dead letters too` : '';
  const answer = `${count(parked.waiting, 'event')} for a row${oldest}${dead}`;
  checks.push(
    all >= park.max
      ? {
          what: 'waiting',
          found: 'bad',
          answer: `${answer}: PARK_MAX is reached`,
          remedy: 'To see what is missing: dbw parked ls',
        }
      : { what: 'waiting', found: 'good', answer },
  );
  return checks;
}

function redisCheck({ redis: config }: Config, redis: Asked<void> | undefined): Check {
  if (!config || !redis)
    return { what: 'Redis', found: 'good', answer: 'not set up: PostgreSQL tells duplicates apart alone' };
  const remedy = 'Start it, or correct REDIS_HOST; dbw works without it, a little slower.';
  if ('error' in redis) return failed('Redis', redis.error, remedy, 'poor');
  return { what: 'Redis', found: 'good', answer: `${config.host}:${config.port}` };
}

/** Where a writer says something else than we see. */
function contradictions({ kafka, postgres, redis, writer }: Answers, version: string): string[] {
  const health = writer?.health;
  if (!health) return [];
  const found: string[] = [];
  const compare = (name: string, theirs: boolean, ours: boolean) => {
    if (theirs && !ours) found.push(`it reaches ${name}, from here nobody does`);
    if (!theirs && ours) found.push(`it does not reach ${name}, from here it answers`);
  };
  compare('Kafka', health.kafka.connected, 'value' in kafka);
  compare('PostgreSQL', health.database.connected, 'value' in postgres);
  const hasRedis = !('configured' in health.redis && health.redis.configured === false);
  if (hasRedis && redis) compare('Redis', health.redis.connected, 'value' in redis);
  else if (hasRedis) found.push('it uses Redis, here REDIS_HOST is not set');
  else if (redis) found.push('it runs without Redis, here REDIS_HOST is set');
  if (health.version !== version) found.push(`it is version ${String(health.version)}, this is ${version}`);
  return found;
}

function writerChecks(writer: WriterAnswer, against: readonly string[]): Check[] {
  const { url, error, health, alive, aliveReason, ready, reasons } = writer;
  if (!health) {
    return [
      {
        what: 'writer',
        found: 'bad',
        answer: `${url}: ${error ?? ''}`,
        remedy: 'Start dbw consume there, or correct --url.',
      },
    ];
  }
  const { status } = health;
  const checks: Check[] = [
    {
      what: 'writer',
      found: status === 'healthy' ? 'good' : status === 'unhealthy' ? 'bad' : 'poor',
      answer: `${url}: ${status}, ${count(health.kafka.lag, 'event')} to read`,
      ...(status === 'healthy' ? {} : { remedy: 'What it is about stands below, and in its log.' }),
    },
    alive === true
      ? { what: 'writer alive', found: 'good', answer: aliveReason ?? 'yes' }
      : { what: 'writer alive', found: 'bad', answer: aliveReason ?? 'no', remedy: 'Start it anew; events are safe.' },
    ready === true
      ? { what: 'writer ready', found: 'good', answer: 'yes' }
      : {
          what: 'writer ready',
          found: status === 'unhealthy' ? 'bad' : 'poor',
          answer: reasons.join('; ') || 'no',
          remedy: 'Mend what it names; it goes on by itself.',
        },
  ];
  for (const answer of against) {
    const remedy = 'Compare its environment with this one: is it the writer you mean?';
    checks.push({ what: 'contradiction', found: 'poor', answer, remedy });
  }
  return checks;
}

/** Every question with its answer, and what to do where it is not good. */
export function checksOf(config: Config, version: string, answers: Answers): Check[] {
  return [
    ...kafkaChecks(config, answers.kafka),
    ...postgresChecks(config, answers.postgres),
    redisCheck(config, answers.redis),
    ...(answers.writer ? writerChecks(answers.writer, contradictions(answers, version)) : []),
  ];
}
