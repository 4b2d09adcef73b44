import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Config } from '../config.js';
import { AwayError } from '../errors.js';
import type { Event } from '../event/decode.js';
import type { Identity } from '../postgres/identity.js';
import { createRedis, redisRefusal } from '../redis.js';

const PREFIX = 'processed:';

/**
 * One call a batch: the seconds that marks live, what all their values begin with, and ids with hashes in lines. Two texts
 * instead of two thousand arguments take half the CPU of this process. Ids with line breaks are left out by `mark`.
 */
const MARK = `for id, hash in string.gmatch(ARGV[3], '([^\\n]+)\\n([^\\n]+)\\n') do
  redis.call('SET', '${PREFIX}' .. id, ARGV[2] .. hash, 'EX', ARGV[1])
end`;

const DEADLINE_MS = 500;

function keyOf(event: Event): string {
  return PREFIX + event.id;
}

/** What a mark says: which database the event was processed in, and its content. */
function valueOf(event: Event, database: string): string {
  return `${database}:${event.hash}`;
}

/**
 * Marks of processed events in Redis: a faster way to know what PostgreSQL knows better. Whatever goes wrong here costs
 * time only: an unknown event is asked of PostgreSQL, and a mark that cannot be set is not missed.
 */
export class Marks {
  private readonly databases = new Map<Identity, string>();
  connected = false;

  private constructor(
    private readonly redis: Redis,
    private readonly ttl: number,
  ) {}

  /**
   * Connects in the background, and again whenever the connection breaks.
   *
   * @param onChange told whether Redis answers, and why not where it refuses us, or we it
   */
  static open(
    config: NonNullable<Config['redis']>,
    ttl: number,
    onChange: (connected: boolean, refusal?: string) => void,
  ): Marks {
    const redis = createRedis(config, {
      enableOfflineQueue: false,
      commandTimeout: DEADLINE_MS,
      retryStrategy: (times) => Math.min(times * 100, 5_000),
    });
    const marks = new Marks(redis, ttl);
    let told: boolean | undefined;
    let refusal: string | undefined;
    const change = (connected: boolean) => {
      if (told !== connected) onChange(connected, refusal);
      told = marks.connected = connected;
      refusal = undefined;
    };
    redis.on('ready', () => {
      change(true);
    });
    redis.on('close', () => {
      change(false);
    });
    // 'close' follows; the error itself changes nothing, but may say what to put right.
    redis.on('error', (error) => {
      const reason = redisRefusal(error, config);
      if (!(reason instanceof AwayError)) refusal = reason.message;
    });
    redis.connect().catch(() => undefined);
    return marks;
  }

  private database(identity: Identity): string {
    let short = this.databases.get(identity);
    if (short === undefined) {
      short = createHash('sha256').update(identity).digest('base64url').slice(0, 12);
      this.databases.set(identity, short);
    }
    return short;
  }

  /**
   * Which of these events are known to be processed in this database, with this very content. Empty where Redis does not
   * answer in time. Events under a known id with other content are left for PostgreSQL to judge.
   */
  async known(events: readonly Event[], identity: Identity): Promise<ReadonlySet<Event>> {
    if (!this.connected || events.length === 0) return new Set();
    const database = this.database(identity);
    try {
      const values = await this.redis.mget(events.map(keyOf));
      return new Set(events.filter((event, i) => values[i] === valueOf(event, database)));
    } catch {
      this.reconnect();
      return new Set();
    }
  }

  /** A server that does not answer in time is not waited for batch by batch: the connection is made anew. */
  private reconnect(): void {
    if (!this.connected) return;
    this.connected = false;
    this.redis.disconnect(true);
  }

  /** Marks events whose transaction was committed. Never fails. */
  async mark(events: readonly Event[], identity: Identity): Promise<void> {
    if (!this.connected || events.length === 0) return;
    const database = this.database(identity);
    const lines = events.map(({ id, hash }) => (id.includes('\n') ? '' : `${id}\n${hash}\n`)).join('');
    await this.redis.eval(MARK, 0, this.ttl, `${database}:`, lines).catch(() => {
      this.reconnect();
    });
  }

  async close(): Promise<void> {
    this.redis.removeAllListeners('close'); // nobody needs to be told what we do ourselves
    await this.redis.quit().catch(() => {
      this.redis.disconnect();
    });
  }
}
