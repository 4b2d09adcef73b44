import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/services/ports.js';
import { until } from '../../test/support/until.js';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/dbw.rules.yml', import.meta.url));

/** Values over time: what one legend stands for. */
export interface Line {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value. */
  readonly points: readonly (readonly [number, number])[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result?: readonly { metric: Record<string, string>; values: [number, string][] }[];
    readonly alerts?: readonly { labels: Record<string, string>; state: string }[];
  };
}

/** Runs promtool; what it says where it complains. */
export function promtool(args: readonly string[], input = ''): { readonly isGood: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { isGood: status === 0, text: (stdout + stderr).trim() };
}

/** A Prometheus of its own that scrapes one writer every second, with the alert rules. */
export class Prometheus {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(target: number): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'dbw-prometheus-'));
    const port = await freePort();
    // In minutes the rules would see nothing of what happens here within seconds.
    writeFileSync(join(folder, 'rules.yml'), readFileSync(RULES, 'utf8').replace(/for: \d+m/g, 'for: 3s'));
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs: [{ job_name: dbw, static_configs: [{ targets: ['127.0.0.1:${target}'] }] }]\n`,
    );
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn('prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const prometheus = new Prometheus(child, folder, port);
    await until(async () => {
      if (child.exitCode !== null) throw new Error('prometheus ended at once');
      return (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true;
    });
    return prometheus;
  }

  private async ask(path: string): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`);
    const answer = (await response.json()) as Answer;
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer;
  }

  /** What a query has been. @param from,to seconds since 1970 @throws Error where it is none */
  async range(query: string, from: number, to: number, step: number): Promise<Line[]> {
    const asked = new URLSearchParams({ query, start: String(from), end: String(to), step: String(step) });
    const { data } = await this.ask(`query_range?${String(asked)}`);
    return (data?.result ?? []).map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([at, value]) => [at, Number(value)] as const),
    }));
  }

  /** The names of the alerts that fire now. */
  async firing(): Promise<string[]> {
    const { data } = await this.ask('alerts');
    return (data?.alerts ?? []).filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? '');
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
