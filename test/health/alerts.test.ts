import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Metrics } from '../../src/health/metrics.js';
import { Tally } from '../../src/health/tally.js';
import { WELL } from '../support/vitals.js';

const RULES = readFileSync('deploy/prometheus/dbw.rules.yml', 'utf8');
const TESTS = readFileSync('test/health/dbw.rules.test.yml', 'utf8');
const DASHBOARD = readFileSync('deploy/grafana/dbw.json', 'utf8');
const metrics = new Metrics(new Tally([]), () => WELL, '1.2.3');
const ALERTS = [...RULES.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);

interface Dashboard {
  readonly panels: readonly {
    id: number;
    title: string;
    targets?: readonly { expr: string; legendFormat: string }[];
  }[];
}
const { panels } = JSON.parse(DASHBOARD) as Dashboard;

/** The expressions of the rules, each on one line. */
const EXPRESSIONS = [...RULES.matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*))/g)].map(
  ([, lines, line]) => lines ?? line ?? '',
);
const QUERIES = [...EXPRESSIONS, ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))];

/** What GitHub calls a heading in an address. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\d\s-]/gu, '').replaceAll(' ', '-'); // prettier-ignore
}

describe('the alerts and the dashboard', () => {
  it('ask only for metrics that there are, and by labels that these have', async () => {
    const scraped = await metrics.text();
    const about = new Map(metrics.about.map((metric) => [metric.name, metric]));
    expect(EXPRESSIONS).to.have.lengthOf(ALERTS.length);
    const named = QUERIES.flatMap((query) => [...query.matchAll(/\b((?:dbw|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)]);
    expect(named.length).to.be.above(60);
    for (const [text, name = '', matchers = ''] of named) {
      const metric = about.get(name) ?? about.get(name.replace(/_(bucket|sum|count)$/, ''));
      if (!name.startsWith('dbw_')) expect(scraped, name).to.match(new RegExp(`^${name}[ {]`, 'm'));
      else expect(metric?.type === 'histogram', text).to.equal(name !== metric?.name);
      for (const [, label] of matchers.matchAll(/(\w+)(?==~?|!=)/g)) {
        if (label !== undefined && label !== 'job' && label !== 'instance')
          expect(metric?.labels, text).to.include(label);
      }
    }
  });

  it('group by labels that their metrics have', () => {
    const labelsOf = (query: string) =>
      metrics.about.filter(({ name }) => new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(query)).flatMap(({ labels }) => labels); // prettier-ignore
    for (const query of QUERIES) {
      const known = ['job', 'instance', ...labelsOf(query), ...(query.includes('_bucket') ? ['le'] : [])];
      const grouped = [...query.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
      expect(known, query).to.include.members(grouped);
    }
    for (const { expr, legendFormat } of panels.flatMap(({ targets = [] }) => targets)) {
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      expect(['job', 'instance', ...labelsOf(expr)], expr).to.include.members(named);
    }
  });

  it('between them use every metric that dbw has', () => {
    const all = QUERIES.join('\n');
    const useless = metrics.about.filter(({ name }) => !new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(all));
    expect(useless.map(({ name }) => name)).to.have.members([
      // For a table by hand: the gap's size is said by /readyz, and when it wrote last is told by the events themselves.
      'dbw_gap_lost_events',
      'dbw_last_processed_timestamp_seconds',
    ]);
  });

  it('sum counters only as rates or increases', () => {
    const counters = metrics.about.filter(({ type }) => type === 'counter').map(({ name }) => name);
    for (const query of QUERIES) {
      for (const name of counters) {
        for (const { index } of query.matchAll(new RegExp(`\\b${name}\\b`, 'g'))) {
          expect(query.slice(0, index), query).to.match(/(rate|increase)\($/);
        }
      }
    }
  });

  it('have a runbook each, which is there', () => {
    const runbooks = [...RULES.matchAll(/runbook: (\S+)/g)].map(([, to = '']) => to);
    expect(runbooks).to.have.lengthOf(ALERTS.length);
    for (const runbook of runbooks) {
      const [file = '', anchor = ''] = runbook.split('#');
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        anchorOf(heading),
      );
      expect(headings, runbook).to.include(anchor);
    }
  });

  it('are each tested and documented', () => {
    const document = readFileSync('docs/monitoring.md', 'utf8');
    for (const alert of ALERTS) {
      const [, after = ''] = TESTS.split(new RegExp(`- name: ['"]?${alert}['"]?\\n`));
      expect(after.split('- name:')[0], alert).to.match(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`));
      const severity = new RegExp(`alert: ${alert}\\n[^]*?severity: (\\w+)`).exec(RULES)?.[1] ?? '';
      expect(document).to.match(new RegExp(`^\\| \`${alert}\` +\\| ${severity} +\\|`, 'm'));
    }
    expect([...document.matchAll(/^\| `(Dbw\w+)`/gm)].map(([, name]) => name)).to.have.members(ALERTS);
  });

  it('are distinct panels, each with a query', () => {
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    const shown = panels.filter(({ targets }) => targets !== undefined);
    expect(shown.length).to.be.above(20);
    for (const { title, targets = [] } of shown) expect(targets, title).not.to.be.empty;
  });

  const isInstalled = spawnSync('promtool', ['--version']).error === undefined;
  const reason = isInstalled ? '' : ' (left out: promtool is not installed; Debian: prometheus)';
  (isInstalled ? it : it.skip)(`are what promtool takes, and do what their tests say${reason}`, async () => {
    for (const args of [
      ['check', 'rules', 'deploy/prometheus/dbw.rules.yml'],
      ['test', 'rules', 'test/health/dbw.rules.test.yml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      expect(status, stdout + stderr).to.equal(0);
    }
    const input = await metrics.text();
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    // What prom-client names itself is not ours to change.
    expect((stdout + stderr).split('\n').filter((line) => line.startsWith('dbw_'))).to.deep.equal([]);
  });
});
