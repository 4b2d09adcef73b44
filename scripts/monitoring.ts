// `node scripts/start.js monitoring`: the status page in a real browser, the metrics, the alerts and the dashboard with a
// real Prometheus, while a real `consume` lives through a flood of poison and an outage of PostgreSQL. About three minutes.
// Needs the packages chromium and prometheus; what is not installed is left out, and said. Pictures: --pictures FOLDER.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { Browser, installed, type View } from './monitoring/browser.js';
import { checkPage } from './monitoring/check-page.js';
import { asked, dashboardPage, legendOf, panels } from './monitoring/dashboard.js';
import { Prometheus, promtool } from './monitoring/prometheus.js';
import { Scene } from './monitoring/scene.js';
import { startServers } from '../test/support/services/index.js';
import { until } from '../test/support/until.js';

const { values } = parseArgs({ options: { pictures: { type: 'string' }, seconds: { type: 'string', default: '30' } } });
const SECONDS = Number(values.seconds);
const VIEWS: Readonly<Record<string, View>> = {
  'light-wide': { width: 1400, height: 1000 },
  'dark-wide': { width: 1400, height: 1000, dark: true },
  'light-narrow': { width: 360, height: 800 },
  'dark-narrow': { width: 360, height: 800, dark: true },
  plain: { width: 1000, height: 800, plain: true },
};

let failed = 0;
function check(what: string, isSo: boolean, otherwise = ''): void {
  if (!isSo) failed++;
  console.log(`${isSo ? 'ok  ' : 'FAIL'} ${what}${isSo || otherwise === '' ? '' : `: ${otherwise}`}`);
}

function keep(name: string, content: Buffer | string): void {
  if (values.pictures === undefined) return;
  mkdirSync(values.pictures, { recursive: true });
  writeFileSync(join(values.pictures, name), content);
}

const servers = await startServers({
  report: (line) => {
    console.error(line);
  },
});
Object.assign(process.env, servers.env);
const browser = await Browser.open();
if (!browser) console.log('left out: the page in a browser, as no chromium is installed (Debian: chromium)');
const hasPrometheus = installed(['prometheus']) !== undefined && installed(['promtool']) !== undefined;
if (!hasPrometheus) console.log('left out: Prometheus, as it is not installed (Debian: prometheus)');

const scene = await Scene.open();
const prometheus = hasPrometheus ? await Prometheus.start(scene.port) : undefined;
const began = Date.now() / 1000;

/** The page as it is now, in every view. */
async function pictures(what: string): Promise<void> {
  if (!browser || values.pictures === undefined) return;
  for (const [name, view] of Object.entries(VIEWS)) {
    await browser.open(scene.url, view);
    keep(`${what}-${name}.png`, await browser.picture());
  }
  await browser.open(scene.url, { width: 1100, height: 860 });
  keep(`${what}.webp`, await browser.glance());
}

async function fires(...alerts: string[]): Promise<void> {
  if (!prometheus) return;
  let firing: string[] = [];
  await until(async () => {
    firing = await prometheus.firing();
    return alerts.every((alert) => firing.includes(alert));
  });
  check(`alerts fire: ${alerts.join(', ')}`, true);
}

async function checkMetrics(): Promise<void> {
  const said = promtool(['check', 'metrics'], (await scene.ask('/metrics'))?.text);
  // What prom-client itself names is not ours to change.
  const ours = said.text.split('\n').filter((line) => line.startsWith('dbw_'));
  check('promtool check metrics has nothing to say of ours', ours.length === 0 && said.text !== '' || said.isGood, ours.join('; ')); // prettier-ignore
  for (const [command, file] of [
    ['check', 'deploy/prometheus/dbw.rules.yml'],
    ['test', 'test/health/dbw.rules.test.yml'],
  ] as const) {
    const { isGood, text } = promtool([command, 'rules', file]);
    check(`promtool ${command} rules`, isGood, text);
  }
}

async function checkDashboard(from: Prometheus): Promise<void> {
  const to = Date.now() / 1000;
  const step = Math.max(1, Math.round((to - began) / 200));
  const drawings = [];
  for (const panel of panels()) {
    const lines = [];
    for (const { expr, legendFormat } of panel.targets ?? []) {
      const ask = (query: string) =>
        from.range(asked(query, '10s'), began, to, step).catch((error: unknown) => String(error));
      const found = await ask(expr);
      // What shows only what is above 0 may have nothing to show.
      const series = typeof found !== 'string' && found.length === 0 ? await ask(expr.replace(/ > 0$/, '')) : found;
      check(
        `${panel.title}: ${expr}`,
        typeof series !== 'string' && series.some(({ points }) => points.some(([, value]) => Number.isFinite(value))),
        typeof series === 'string' ? series : 'no values',
      );
      if (typeof found !== 'string') lines.push(...found.map((line) => ({ ...line, legend: legendOf(legendFormat, line.labels) }))); // prettier-ignore
    }
    drawings.push({ panel, lines });
  }
  if (!browser || values.pictures === undefined) return;
  const page = dashboardPage(drawings, { from: began, to, step });
  keep('dashboard.html', page);
  await browser.open(`data:text/html;base64,${Buffer.from(page).toString('base64')}`, { width: 1600, height: 1800 });
  keep('dashboard.png', await browser.picture());
}

try {
  scene.begin(400);
  await delay(SECONDS * 1000);
  await pictures('well');
  if (browser) await checkPage(browser, scene, check);
  await scene.poison();
  await pictures('poison');
  await fires('DbwBreakerOpen', 'DbwDeadLetters');
  await scene.outage();
  await delay(SECONDS * 1000);
  await pictures('outage');
  await fires('DbwDatabaseDown');
  await scene.recovery();
  await delay(SECONDS * 1000);
  await pictures('over');
  if (prometheus) {
    await checkMetrics();
    await checkDashboard(prometheus);
  }
  if (browser)
    check('the browser complains of nothing', browser.complaints.length === 0, browser.complaints.join('; '));
} finally {
  await prometheus?.stop();
  await browser?.close();
  await scene.close();
  await servers.stop();
}
console.log(failed === 0 ? 'all is well' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
