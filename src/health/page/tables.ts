import type { History, Period } from '../history.js';
import { OUTCOMES, type Tally } from '../tally.js';
import { lagByTopic, type TopicLag } from '../topic-lag.js';
import type { Vitals } from '../vitals.js';
import { html, type Html } from './html.js';
import { clock, duration, long, name, number, rate } from './words.js';

/** More topics than these are shown on demand. */
const FIRST = 8;

type Cell = Html | string | number | undefined;

interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
}

/** A table whose first column names the row. */
function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Html {
  const classOf = (at: number) => (columns[at]?.isNumber ? 'number' : '');
  return html`<table>
    <caption class="unseen">
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map((column, at) => html`<th scope="col" class="${classOf(at)}">${column.name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell, at) =>
              at === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${classOf(at)}">${cell}</td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Facts, one a row. */
function facts(caption: string, rows: readonly (readonly [string, Cell, ('good' | 'poor' | 'bad')?])[]): Html {
  return html`<table class="facts">
    <caption class="unseen">
      ${caption}
    </caption>
    <tbody>
      ${rows.map(
        ([what, is, found = '']) =>
          html`<tr>
            <th scope="row">${what}</th>
            <td class="${found}">${is}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

const LAG_COLUMNS = [
  { name: 'Topic' },
  { name: 'Events', isNumber: true },
  { name: 'Oldest', isNumber: true },
  { name: 'Partitions', isNumber: true },
];

function lagRows(topics: readonly (readonly [string, TopicLag])[], { breakers }: Vitals): Cell[][] {
  const open = new Set(breakers.map(({ topic }) => topic));
  return topics.map(([topic, { events, seconds, partitions, held }]) => {
    const tag = open.has(topic) ? 'breaker open' : held > 0 ? `${held} not read` : undefined;
    const shown = tag === undefined ? name(topic) : html`${name(topic)} <span class="tag">${tag}</span>`;
    return [shown, number(events), events === 0 ? '–' : duration(seconds), partitions];
  });
}

function written(topics: number, what = ''): string {
  return topics === 1 ? `1 ${what}topic is written to its end.` : `${topics} ${what}topics are written to their ends.`;
}

/** Which topics are behind, the longest wait first. */
export function lagTable(vitals: Vitals): Html {
  const { breakers } = vitals;
  const topics = [...lagByTopic(vitals)].sort(([a, x], [b, y]) => y.seconds - x.seconds || y.events - x.events || a.localeCompare(b)); // prettier-ignore
  const open = new Set(breakers.map(({ topic }) => topic));
  const behind = topics.filter(([topic, { events, held }]) => events > 0 || held > 0 || open.has(topic));
  if (topics.length === 0) return html`<p>This instance reads no partition now.</p>`;
  if (behind.length === 0) return html`<p>None: ${written(topics.length)}</p>`;
  const rest = topics.length - behind.length;
  return html`${table('Lag by topic', LAG_COLUMNS, lagRows(behind.slice(0, FIRST), vitals))}
    <p class="note">
      ${behind.length > FIRST ? `${behind.length - FIRST} more ${behind.length === FIRST + 1 ? 'is' : 'are'} behind: see all topics below. ` : ''}${rest > 0 ? written(rest, 'other ') : ''}
    </p>`;
}

/** All topics that this instance reads. */
export function topicsTable(vitals: Vitals): Html {
  const topics = [...lagByTopic(vitals)].sort(([a], [b]) => a.localeCompare(b));
  return table('All topics that this instance reads', LAG_COLUMNS, lagRows(topics, vitals));
}

/** Why events became dead letters. */
export function deadLettersTable(tally: Tally, span: Period): Html {
  const rows = [...tally.deadLettersByReason].sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return html`<p>None since this process started.</p>`;
  return table(
    'Dead letters by reason',
    [{ name: 'Reason' }, { name: 'Last 10 min', isNumber: true }, { name: 'Since start', isNumber: true }],
    rows.map(([reason, n]) => [reason, number(span.reasons.get(reason) ?? 0), number(n)]),
  );
}

export function serversTable({ kafka, database, redis }: Vitals): Html {
  const answers = (is: boolean) => [is ? 'answers' : 'is away', is ? 'good' : 'bad'] as const;
  return facts('Servers', [
    ['Kafka', ...answers(kafka.connected)],
    ['PostgreSQL', ...answers(database.connected)],
    redis.configured
      ? ['Redis', redis.connected ? 'answers' : 'is away', redis.connected ? 'good' : 'poor']
      : ['Redis', 'not set up'],
    ['Pool', `${database.activeConnections} of ${database.poolSize} connections in use`],
  ]);
}

export function readingTable({ consumer, assigned, unread, gaps, breakers, lastProcessed }: Vitals): Html {
  const none = (n: number, what: Cell): [Cell, 'good' | 'poor'] => (n === 0 ? ['none', 'good'] : [what, 'poor']);
  const lost = gaps.reduce((sum, gap) => sum + gap.lost, 0);
  return facts('Reading', [
    ['Consumer', consumer, consumer === 'reading' ? 'good' : consumer === 'dead' ? 'bad' : 'poor'],
    ['Partitions read here', assigned],
    ['Partitions nobody reads', ...none(unread.length, unread.length)],
    ['Open breakers', ...none(breakers.length, breakers.length)],
    ['Gaps by retention', ...none(gaps.length, `${gaps.length}, ${number(lost)} events lost`)],
    ['Last event written', lastProcessed ? clock(lastProcessed.getTime()) : 'none yet'],
  ]);
}

/** What runs here. @param host its name */
export function buildTable({ version, startedAt }: Vitals, host: string, now: number): Html {
  return facts('This process', [
    ['dbw', version],
    ['Node.js', process.version.slice(1)],
    ['Host', host],
    ['Up', html`${long(Math.max(0, (now - startedAt) / 1000))}, since ${clock(startedAt)}`],
    ['Memory', `${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MiB`],
  ]);
}

/** What the charts show, in numbers. */
export function minutesTable(history: History): Html {
  const names = ['Minute to', 'Events/s', 'p50', 'p99', 'Lag', 'Dead letters', 'Parked', 'Connections', 'Health'];
  const columns = names.map((name, at) => ({ name, isNumber: at > 0 && at < names.length - 1 }));
  const rows = history.periods(60_000).toReversed();
  return table(
    'The last ten minutes',
    columns,
    rows.map(({ to, rate: perSecond, p50, p99, lag, outcomes, parked, inUse, status }) => [
      ...[clock(to), rate(perSecond), duration(p50), duration(p99), number(lag)],
      ...[number(outcomes.dead_letter), number(parked), inUse, status],
    ]),
  );
}

/** What became of the messages since the start, by type. */
export function typesTable(tally: Tally): Html {
  const rows = [...tally.byType].filter(([, counts]) => OUTCOMES.some((outcome) => counts[outcome] > 0));
  if (rows.length === 0) return html`<p>Nothing yet.</p>`;
  return table(
    'What became of the messages since the start',
    [{ name: 'Type' }, ...OUTCOMES.map((outcome) => ({ name: outcome.replace('_', ' '), isNumber: true }))],
    rows.map(([type, counts]) => [name(type), ...OUTCOMES.map((outcome) => number(counts[outcome]))]),
  );
}
