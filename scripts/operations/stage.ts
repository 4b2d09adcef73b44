import { hostname, userInfo } from 'node:os';
import type { DataSource } from 'typeorm';
import { readConfig } from '../../src/config.js';
import { registry } from '../../src/handlers/index.js';
import { committedOffsets } from '../../src/kafka/topics.js';
import { connect } from '../../src/postgres/data-source.js';
import { migrate } from '../../src/postgres/migrate.js';
import { startDbw, type Running } from '../../test/support/cli.js';
import { freePort } from '../../test/support/services/ports.js';
import { startServers, type Servers } from '../../test/support/services/index.js';
import { withAdmin } from '../../test/support/topics.js';
import { people, send } from './events.js';
import { until } from '../../test/support/until.js';
import { allTopics, freshTopics } from './topics.js';
import type { Incident } from './incident.js';
import { messagesOf } from './log-lines.js';
import { readable } from './readable.js';
import { runTyped, type Typed, type Typing } from './typing.js';

const DATABASE = 'suggar_daddy';

/** Something that the play relies on did not happen: the document would print a lie. */
export class NotAsTold extends Error {}

/** Fails the play where a document would not be true. */
export function must(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new NotAsTold(`It is not as docs/operations.md tells: ${what}`);
}

/** Servers of its own, where incidents are played one after the other, each in a new database with new topics. */
export class Stage {
  private current: DataSource | undefined;
  private writer: Running | undefined;
  private isPostgresAway = false;
  /** What was typed and printed since the incident began. */
  private lines: string[] = [];

  private constructor(
    readonly servers: Servers,
    private readonly port: number,
    private readonly before: Readonly<Record<string, string | undefined>>,
  ) {}

  static async open(report: (line: string) => void): Promise<Stage> {
    const servers = await startServers({ own: true, report });
    const env = { ...servers.env, DB_DATABASE: DATABASE };
    // What the support of the tests asks is asked of these servers, too.
    const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
    Object.assign(process.env, env);
    const stage = new Stage(servers, await freePort(), before);
    await allTopics();
    await stage.createTemplate();
    return stage;
  }

  /** Our own eyes in the database. */
  get dataSource(): DataSource {
    if (!this.current) throw new Error('No incident is being played.');
    return this.current;
  }

  private get database() {
    return readConfig(process.env).database;
  }

  /** A database to copy from, migrated and with some people in it: faster than to make one for each incident. */
  private async createTemplate(): Promise<void> {
    await this.asAdmin(`CREATE DATABASE ${DATABASE}_template TEMPLATE template0`);
    const dataSource = await connect({ ...this.database, database: `${DATABASE}_template` });
    await migrate(dataSource);
    await send(people);
    await this.catchUp({ DB_DATABASE: `${DATABASE}_template` });
    await dataSource.query('TRUNCATE dbw.positions, dbw.in_hand');
    await dataSource.destroy();
  }

  private async asAdmin(...statements: readonly string[]): Promise<void> {
    const admin = await connect({ ...this.database, database: 'postgres', poolSize: 1 });
    try {
      for (const statement of statements) await admin.query(statement);
    } finally {
      await admin.destroy();
    }
  }

  /**
   * Everything new for the next incident.
   *
   * @param partitions how many partitions these topics have; all others have one
   */
  async begin(partitions: Readonly<Record<string, number>> = {}): Promise<void> {
    this.lines = [];
    await freshTopics(partitions);
    await this.asAdmin(
      `DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`,
      `CREATE DATABASE ${DATABASE} TEMPLATE ${DATABASE}_template`,
    );
    this.current = await connect({ ...this.database, poolSize: 3 });
  }

  /** Stops PostgreSQL, where our own eyes look too. */
  async stopPostgres(): Promise<void> {
    await this.current?.destroy();
    this.current = undefined;
    this.isPostgresAway = true;
    await this.servers.postgres.stop();
  }

  async startPostgres(): Promise<void> {
    await this.servers.postgres.start();
    this.isPostgresAway = false;
    this.current = await connect({ ...this.database, poolSize: 3 });
  }

  /**
   * Plays one incident, and ends what it has left running.
   *
   * @returns its part of the document
   */
  async perform({ play }: Incident): Promise<string> {
    try {
      const text = await play(this);
      await this.endWriter();
      return text;
    } finally {
      // Where it failed somewhere, the next one shall begin all the same.
      this.writer?.child.kill('SIGKILL');
      this.writer = undefined;
      if (this.isPostgresAway) await this.startPostgres();
      await this.current?.destroy();
      this.current = undefined;
    }
  }

  /** What was typed and printed, as it goes into the document; begins anew. */
  told(): string {
    const text = this.lines.join('\n');
    this.lines = [];
    return ['```console', text, '```'].join('\n');
  }

  private tell(command: string, printed: string): void {
    const text = printed.replace(/\n+$/, '');
    this.lines.push(...(this.lines.length > 0 ? [''] : []), `$ ${command}`, ...(text === '' ? [] : [text]));
  }

  private readable(text: string): string {
    const { kafka, postgres, redis } = this.servers;
    const address = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
    const { username } = userInfo();
    const names = [
      [address(kafka), 'kafka:9092'],
      [address(postgres), 'postgres:5432'],
      [address(redis), 'redis:6379'],
      [`${username}@${hostname()}`, 'ann@laptop'],
      [`by ${username} on ${hostname()}`, 'by ann on laptop'],
      [`${username} on ${hostname()}`, 'ann on laptop'],
      [`localhost:${this.port}`, 'localhost:3010'],
    ] as const;
    return readable(text, { names, playedAt: Date.now() });
  }

  /** Types a command of dbw as a shell would, and records it and what it prints, on both outputs. */
  async type(command: string, typing: Typing = {}): Promise<string> {
    return this.record(command, typing, await runTyped(command, typing));
  }

  /** Types commands that change nothing; they are run side by side, to be quicker. */
  async look(...commands: readonly string[]): Promise<string[]> {
    const ended = await Promise.all(commands.map((command) => runTyped(command, {})));
    return commands.flatMap((command, i) => {
      const one = ended[i];
      return one ? [this.record(command, {}, one)] : [];
    });
  }

  private record(command: string, typing: Typing, { printed, code }: Typed): string {
    const { status = 0, env = {}, shown = (all: string) => all } = typing;
    must(code === status, `${command} ended with status ${String(code)} instead of ${status}:\n${printed}`);
    const assignments = Object.entries(env).map(([name, value]) => `${name}=${value} `);
    const shownStatus = status === 0 ? '' : `\n$ echo $?\n${status}`;
    this.tell(assignments.join('') + command, this.readable(shown(printed)).replace(/\n+$/, '') + shownStatus);
    return printed;
  }

  /**
   * Asks a running writer's port, and records it.
   *
   * @param grep only these lines
   */
  async probe(path: string, grep?: RegExp): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`);
    const text = await answer.text();
    if (grep === undefined) {
      this.tell(
        `curl -si localhost:3010${path}`,
        `HTTP/1.1 ${answer.status} ${answer.statusText}\n…\n${this.readable(text)}`,
      );
    } else {
      const lines = text.split('\n').filter((line) => grep.test(line));
      this.tell(`curl -s localhost:3010${path} | grep -E '${grep.source}'`, lines.join('\n'));
    }
    return text;
  }

  /** Whether a probe of the running writer answers so, with this in its text; nothing is recorded. */
  async answers(path: string, status: number, text = ''): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`).catch(() => undefined);
    return answer?.status === status && (await answer.text()).includes(text);
  }

  /** Starts `dbw consume` in the background; it is not recorded. */
  consume(env: Readonly<Record<string, string>> = {}): Running {
    // One batch after the other, so that letters are written in the same order each time.
    this.writer = startDbw(['consume'], {
      LOG_LEVEL: 'info',
      DBW_WRITERS: '1',
      ...env,
      DB_WRITER_SERVICE_PORT: String(this.port),
    });
    return this.writer;
  }

  /** Ends the writer in order. */
  async endWriter(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    if (!writer) return;
    writer.child.kill('SIGTERM');
    const { status, stderr } = await writer.ended;
    must(status === 0, `dbw consume ended with status ${String(status)}:\n${stderr}`);
  }

  /** Works off what is there, in the foreground, unrecorded. */
  async catchUp(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const settings = { LOG_LEVEL: 'warn', DBW_WRITERS: '1', ...env };
    const { status, stderr } = await startDbw(['consume', '--until-caught-up'], settings).ended;
    must(status === 0, `dbw consume ended with status ${String(status)}:\n${stderr}`);
  }

  /**
   * Waits for a line of the writer's log.
   *
   * @returns what the pattern found in its message, with … for the rest
   */
  async logged(pattern: RegExp): Promise<string> {
    const { writer } = this;
    if (!writer) throw new Error('No writer is running.');
    const find = () => messagesOf(writer.output.stderr).find((message) => pattern.test(message));
    await until(() => find() !== undefined, writer);
    const message = find() ?? '';
    const [found = ''] = pattern.exec(message) ?? [];
    const at = message.indexOf(found);
    const [before, behind] = [at > 0 ? '… ' : '', at + found.length < message.length ? ' …' : ''];
    return `${before}${this.readable(found.trim())}${behind}`;
  }

  /** Waits until so many events have been processed. */
  async untilProcessed(count: number): Promise<void> {
    await until(async () => (await this.count('dbw.processed_events')) >= count, this.writer);
  }

  /** Waits until the group has committed so many events to Kafka, so that everybody sees the same lag. */
  async untilCommitted(count: number): Promise<void> {
    const { groupId } = readConfig(process.env).kafka;
    await withAdmin(async (admin) => {
      await until(async () => {
        const commits = await committedOffsets(admin, groupId, [...registry.keys()]);
        return commits.reduce((sum, { offset }) => sum + Math.max(0, offset), 0) >= count;
      }, this.writer);
    });
  }

  count(table: string): Promise<number> {
    return this.number(`SELECT count(*)::integer AS count FROM ${table}`);
  }

  /** The one number `count` of a query. */
  async number(sql: string): Promise<number> {
    const [row] = await this.dataSource.query<{ count: number }[]>(sql);
    return row?.count ?? 0;
  }

  async close(): Promise<void> {
    this.writer?.child.kill('SIGKILL');
    await this.current?.destroy().catch(() => undefined);
    await this.servers.stop();
    for (const [name, value] of Object.entries(this.before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}
