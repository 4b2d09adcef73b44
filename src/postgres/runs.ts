import { hostname, userInfo } from 'node:os';
import type { DataSource } from 'typeorm';
import { EXIT, UserError } from '../errors.js';
import type { Range } from '../kafka/log-reader.js';
import { KeptConnection } from './kept-connection.js';
import { Session, type Tuple } from './session.js';
import { statement } from './statements.js';

/** What is recorded: `dbw replay-dlq` and `dbw backfill`. */
export type RunKind = 'replay-dlq' | 'backfill';

/** How a run stands. One whose process died without a word is interrupted. */
export type RunState = 'running' | 'done' | 'partly' | 'interrupted' | 'failed';

/** A range of a run, and how far it is. */
export interface RunRange extends Range {
  /** The offset that comes next. */
  readonly next: number;
}

/** What was asked for, by the names of the flags; equal selections are the same work. */
export type Selection = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What became of a run's messages, by outcome. */
export type Counts = Readonly<Record<string, number>>;

/** One replay or backfill, as it was recorded. Times are ISO 8601. */
export interface RunRecord {
  readonly id: number;
  readonly kind: RunKind;
  readonly user: string;
  readonly host: string;
  readonly reason: string | null;
  readonly selection: Selection;
  readonly ranges: readonly RunRange[];
  readonly counts: Counts;
  readonly state: RunState;
  /** One sentence on how it ended. */
  readonly outcome: string | null;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly endedAt: string | null;
}

export interface NewRun {
  readonly kind: RunKind;
  readonly reason: string | undefined;
  readonly selection: Selection;
  readonly ranges: readonly Range[];
}

/** First half of the key of the advisory locks that runs hold; the second is their number. */
const LOCK_CLASS = 0x64_62_77_10;
/** Held while it is decided whether a run may begin. */
const BEGIN_LOCK = 0x64_62_77_11;

const ALIVE = `SELECT objid::integer FROM pg_locks WHERE locktype = 'advisory' AND classid = ${LOCK_CLASS} AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const COLUMNS = `id, kind, user_name, host, reason, selection, ranges, counts,
  CASE WHEN state = 'running' AND id NOT IN (${ALIVE}) THEN 'interrupted' ELSE state END,
  outcome, started_at, updated_at, ended_at`;

/** Who types this. */
export function operator(): { user: string; host: string } {
  let user = process.env.USER ?? process.env.LOGNAME;
  try {
    user = userInfo().username;
  } catch {
    // In a container the number of the user may have no name.
  }
  return { user: user ?? String(process.getuid?.() ?? 'unknown'), host: hostname() };
}

function rangesOf(value: unknown): RunRange[] {
  if (!Array.isArray(value)) return [];
  return value.map((range: unknown) => {
    const [topic, partition, from, to, next] = (Array.isArray(range) ? range : []) as readonly unknown[];
    return {
      topic: String(topic),
      partition: Number(partition),
      from: Number(from),
      to: Number(to),
      next: Number(next),
    };
  });
}

function jsonOf(ranges: readonly RunRange[]): string {
  return JSON.stringify(ranges.map(({ topic, partition, from, to, next }) => [topic, partition, from, to, next]));
}

const KINDS: readonly RunKind[] = ['replay-dlq', 'backfill'];
const STATES: readonly RunState[] = ['running', 'done', 'partly', 'interrupted', 'failed'];

function isSelection(value: unknown): value is Selection {
  return typeof value === 'object' && value !== null;
}

function isCounts(value: unknown): value is Counts {
  return typeof value === 'object' && value !== null && Object.values(value).every((n) => typeof n === 'number');
}

function isoOf(value: unknown): string | null {
  return value instanceof Date ? value.toISOString() : null;
}

function read(tuple: Tuple): RunRecord {
  const [id, kind, user, host, reason, selection, ranges, counts, state, outcome, started, updated, ended] = tuple;
  return {
    id: Number(id),
    kind: KINDS.find((one) => one === kind) ?? 'backfill',
    user: String(user),
    host: String(host),
    reason: typeof reason === 'string' ? reason : null,
    selection: isSelection(selection) ? selection : {},
    ranges: rangesOf(ranges),
    counts: isCounts(counts) ? counts : {},
    state: STATES.find((one) => one === state) ?? 'interrupted',
    outcome: typeof outcome === 'string' ? outcome : null,
    startedAt: isoOf(started) ?? '',
    updatedAt: isoOf(updated) ?? '',
    endedAt: isoOf(ended),
  };
}

async function select(session: Session, where: string, values: unknown[]): Promise<RunRecord[]> {
  const { rows } = await session.query(`SELECT ${COLUMNS} FROM dbw.runs ${where}`, values);
  return rows.map(read);
}

/** The newest runs first. */
export async function listRuns(dataSource: DataSource, limit: number): Promise<RunRecord[]> {
  return Session.with(dataSource, (session) => select(session, 'ORDER BY id DESC LIMIT $1', [limit]));
}

/** One run; undefined where there is none of that number. */
export async function findRun(dataSource: DataSource, id: number): Promise<RunRecord | undefined> {
  const [found] = await Session.with(dataSource, (session) => select(session, 'WHERE id = $1', [id]));
  return found;
}

/** The newest run of this kind and selection that was interrupted, if nothing of the same selection was finished since. */
export async function interruptedRun(
  dataSource: DataSource,
  kind: RunKind,
  selection: Selection,
): Promise<RunRecord | undefined> {
  const where = 'WHERE kind = $1 AND selection = $2::jsonb ORDER BY id DESC LIMIT 1';
  const [last] = await Session.with(dataSource, (session) => select(session, where, [kind, JSON.stringify(selection)]));
  return last?.state === 'interrupted' ? last : undefined;
}

function overlap(a: readonly Range[], b: readonly Range[]): boolean {
  return a.some((one) =>
    b.some((other) => {
      return (
        one.topic === other.topic && one.partition === other.partition && one.from < other.to && other.from < one.to
      );
    }),
  );
}

/** Whether two runs would be in each other's way: two replays of one topic, two backfills over one range. */
function collide(wanted: { kind: RunKind; ranges: readonly Range[] }, other: RunRecord): boolean {
  if (wanted.kind !== other.kind) return false;
  if (wanted.kind === 'backfill') return overlap(wanted.ranges, other.ranges);
  return wanted.ranges.some(({ topic }) => other.ranges.some((range) => range.topic === topic));
}

/** A connection that holds the lock of a run. Throws UserError where another process has it. */
async function locked(dataSource: DataSource, id: number): Promise<KeptConnection> {
  const kept = await KeptConnection.open(dataSource);
  try {
    const text = 'SELECT pg_try_advisory_lock($1::integer, $2::integer)';
    const { rows } = await kept.run(statement(text, [LOCK_CLASS, id]));
    if (rows[0]?.[0] !== true) throw new UserError(`Run ${id} is under way in another process.`, EXIT.refused);
    return kept;
  } catch (error) {
    kept.end();
    throw error;
  }
}

/** A replay or backfill under way: it is recorded, and others like it are kept out as long as this process lives. */
export class Run {
  private constructor(
    private readonly dataSource: DataSource,
    /** As it was when this process took it up. */
    readonly record: RunRecord,
    private kept: KeptConnection | undefined,
  ) {}

  get id(): number {
    return this.record.id;
  }

  /**
   * Records that a run begins.
   *
   * @throws UserError where another one is in its way
   */
  static async begin(dataSource: DataSource, run: NewRun): Promise<Run> {
    const { user, host } = operator();
    return Run.take(dataSource, run, async (session) => {
      const ranges = jsonOf(run.ranges.map((range) => ({ ...range, next: range.from })));
      const { rows } = await session.query(
        `INSERT INTO dbw.runs (kind, user_name, host, reason, selection, ranges) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
        [run.kind, user, host, run.reason ?? null, JSON.stringify(run.selection), ranges],
      );
      return Number(rows[0]?.[0]);
    });
  }

  /**
   * Goes on with a run that was interrupted.
   *
   * @throws UserError where it is under way, or another one is in its way
   */
  static async resume(dataSource: DataSource, record: RunRecord): Promise<Run> {
    const { user, host } = operator();
    return Run.take(dataSource, record, async (session) => {
      await session.query(
        `UPDATE dbw.runs SET state = 'running', user_name = $2, host = $3, outcome = NULL, ended_at = NULL,
          updated_at = clock_timestamp() WHERE id = $1`,
        [record.id, user, host],
      );
      return record.id;
    });
  }

  private static async take(
    dataSource: DataSource,
    wanted: { kind: RunKind; ranges: readonly Range[] },
    record: (session: Session) => Promise<number>,
  ): Promise<Run> {
    let kept: KeptConnection | undefined;
    try {
      return await Session.with(dataSource, (session) =>
        session.transaction(async () => {
          await session.query('SELECT pg_advisory_xact_lock($1)', [BEGIN_LOCK]);
          const running = await select(session, `WHERE id IN (${ALIVE})`, []);
          const other = running.find((one) => collide(wanted, one));
          if (other) {
            throw new UserError(
              `Run ${other.id} is in the way: ${other.kind} by ${other.user} on ${other.host}, since ${other.startedAt}. ` +
                'Wait for it, or end it there with Ctrl-C.',
              EXIT.refused,
            );
          }
          const id = await record(session);
          kept = await locked(dataSource, id);
          const [begun] = await select(session, 'WHERE id = $1', [id]);
          if (!begun) throw new Error('the run that was recorded is not there');
          return new Run(dataSource, begun, kept);
        }),
      );
    } catch (error) {
      kept?.end();
      throw error;
    }
  }

  private async tell(text: string, values: unknown[]): Promise<void> {
    const kept = (this.kept ??= await locked(this.dataSource, this.id)); // PostgreSQL may have been away
    try {
      await kept.run(statement(text, [this.id, ...values]));
    } catch (error) {
      this.kept = undefined;
      kept.end();
      throw error;
    }
  }

  /** Records how far the run is. What is done after this is done again by who goes on with it. */
  async save(ranges: readonly RunRange[], counts: Counts): Promise<void> {
    const text = 'UPDATE dbw.runs SET ranges = $2, counts = $3, updated_at = clock_timestamp() WHERE id = $1';
    await this.tell(text, [jsonOf(ranges), JSON.stringify(counts)]);
  }

  /** Records how the run ended and what became of its messages, and lets others begin. */
  async end(state: Exclude<RunState, 'running'>, outcome: string, counts?: Counts): Promise<void> {
    try {
      const text = `UPDATE dbw.runs SET state = $2, outcome = $3, counts = coalesce($4::jsonb, counts),
        updated_at = clock_timestamp(), ended_at = clock_timestamp() WHERE id = $1`;
      await this.tell(text, [state, outcome, counts ? JSON.stringify(counts) : null]);
    } finally {
      this.kept?.end();
    }
  }
}
