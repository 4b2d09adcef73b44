import { createHash } from 'node:crypto';
import { Command, type Redis } from 'ioredis';
import type { Config } from '../config.js';
import { AwayError } from '../errors.js';
import type { Event } from '../event/decode.js';
import { Out } from '../out.js';
import type { Identity } from '../postgres/identity.js';
import { createRedis, redisRefusal } from '../redis.js';

const PREFIX = 'processed:';

/** A command that was put into bytes here: of a thousand arguments the library makes each a text of its own. */
class Ready extends Command {
  constructor(
    name: string,
    private readonly bytes: Buffer,
  ) {
    super(name, [], { replyEncoding: 'utf8' });
  }

  override toWritable(): Buffer {
    return this.bytes;
  }
}

const out = new Out();

/** Makes a text for each length once; joined, for what is only added up is put together when it is read. */
function byLength(text: (length: number) => readonly string[]): (length: number) => string {
  const made: (string | undefined)[] = [];
  return (length) => (made[length] ??= text(length).join(''));
}

/** What stands before an id, which ends the value before it, and before a value: lengths are in bytes. */
const beforeId = byLength((bytes) => ['\r\n$', String(PREFIX.length + bytes), '\r\n', PREFIX]);
const beforeValue = byLength((bytes) => ['\r\n$', String(bytes), '\r\n']);

/** Puts the line end of the value before it, and a key. */
function putKey(id: string): void {
  out.words(beforeId(Buffer.byteLength(id)));
  out.words(id);
}

/** What older servers say, and those that do not let this user have the command. */
function lacksCommand(error: unknown): boolean {
  return error instanceof Error && /^(ERR unknown command|NOPERM)/.test(error.message);
}

/**
 * The same where that command is missing: the seconds that marks live, what all their values begin with, and ids with hashes in
 * lines. It takes Redis twice as long. Ids with line breaks are left out by `mark`.
 */
const MARK = `for id, hash in string.gmatch(ARGV[3], '([^\\n]+)\\n([^\\n]+)\\n') do
  redis.call('SET', '${PREFIX}' .. id, ARGV[2] .. hash, 'EX', ARGV[1])
end`;

const DEADLINE_MS = 500;

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
  /** Whether this server, as far as we know, sets all marks by one command. */
  private setsAll = true;

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
      marks.setsAll = true; // it may be another one now
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
      const values = await this.valuesOf(events);
      return new Set(events.filter((event, i) => values[i] && values[i] === valueOf(event, database)));
    } catch {
      this.reconnect();
      return new Set();
    }
  }

  private async valuesOf(events: readonly Event[]): Promise<readonly unknown[]> {
    out.at = 0;
    out.words(`*${events.length + 1}\r\n$4\r\nMGET`);
    for (const { id } of events) putKey(id);
    out.words('\r\n');
    const values: unknown = await this.redis.sendCommand(new Ready('mget', out.copy()));
    return Array.isArray(values) ? (values as unknown[]) : [];
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
    try {
      if (!this.setsAll || !(await this.setAll(events, database))) await this.setEach(events, database);
    } catch {
      this.reconnect();
    }
  }

  /** By one command of Redis ≥ 8.4 and Valkey ≥ 9.1; returns whether this server has it. */
  private async setAll(events: readonly Event[], database: string): Promise<boolean> {
    out.at = 0;
    const [count, seconds] = [String(events.length), String(this.ttl)];
    out.words(`*${events.length * 2 + 4}\r\n$6\r\nMSETEX\r\n$${count.length}\r\n${count}`);
    for (const { id, hash } of events) {
      const content = String(hash);
      putKey(id);
      out.words(beforeValue(database.length + 1 + content.length));
      out.words(database);
      out.words(':');
      out.words(content);
    }
    out.words(`\r\n$2\r\nEX\r\n$${seconds.length}\r\n${seconds}\r\n`);
    try {
      await this.redis.sendCommand(new Ready('msetex', out.copy()));
    } catch (error) {
      if (!lacksCommand(error)) throw error;
      this.setsAll = false;
    }
    return this.setsAll;
  }

  private async setEach(events: readonly Event[], database: string): Promise<void> {
    const lines = events.map(({ id, hash }) => (id.includes('\n') ? '' : `${id}\n${hash}\n`)).join('');
    await this.redis.eval(MARK, 0, this.ttl, `${database}:`, lines);
  }

  async close(): Promise<void> {
    this.connected = false; // marks may still be on their way to us
    this.redis.removeAllListeners('close'); // nobody needs to be told what we do ourselves
    await this.redis.quit().catch(() => {
      this.redis.disconnect();
    });
  }
}
