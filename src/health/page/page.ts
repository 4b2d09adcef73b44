import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { History, SPAN_MS, type Period } from '../history.js';
import { mattersOf, Sightings, worstOf, type Found, type Matter } from '../matters.js';
import type { Tally } from '../tally.js';
import type { Vitals } from '../vitals.js';
import { cards } from './cards.js';
import { tintOf } from './charts.js';
import { html, Html } from './html.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';
import {
  buildTable,
  deadLettersTable,
  lagTable,
  minutesTable,
  readingTable,
  serversTable,
  topicsTable,
  typesTable,
} from './tables.js';
import { headlineOf, others, SIGNS, verdict } from './verdict.js';
import { clock, number } from './words.js';

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Nothing runs, and nothing looks, but what this page brings; it asks nobody but where it came from. */
const POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Another policy is another style or script: a page that is open loads itself anew. */
const BUILD = createHash('sha256').update(POLICY).digest('hex').slice(0, 12);

// Byte for byte what the policy names.
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);

const COLOURS: Readonly<Record<Found, string>> = { good: '#1a8a48', busy: '#4a74a8', poor: '#d08700', bad: '#d3212c' };

/** The sign of a tab: its colour says how it is. */
function iconOf(found: Found): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${COLOURS[found]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** What is said where nothing is wrong. */
function calmOf({ assigned }: Vitals, lag: number): string {
  const left = lag === 0 ? 'everything is written' : `${number(lag)} events are being written`;
  return assigned === 0
    ? 'This instance has no partition to read.'
    : `${number(assigned)} partitions are read; ${left}.`;
}

/** What the tints of the charts mean, where there are any. */
function legendOf(periods: readonly Period[]): Html {
  const tints = new Set(periods.map(tintOf));
  return html`${tints.has('bad') ? html`<span class="bad">nothing was written</span>` : undefined}
  ${tints.has('poor') ? html`<span class="poor">not everything was written, or slower</span>` : undefined}`;
}

/** The status page of a running `consume`, for people; it looks at what is counted anyway. */
export class Page {
  readonly contentType = 'text/html; charset=utf-8';
  readonly headers: Readonly<Record<string, string>> = {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  private readonly history: History;
  private readonly sightings = new Sightings();

  /** @param vitals asked for each page and each sample */
  constructor(
    private readonly tally: Tally,
    private readonly vitals: () => Vitals,
    private readonly host = hostname(),
  ) {
    this.history = new History(tally, vitals, (now, at) => {
      this.matters(now, this.history.since(SPAN_MS, at).outcomes.dead_letter, at);
    });
  }

  /** Looks every 5 s from now on, until `end`: that is what the charts show. */
  begin(): void {
    this.history.begin();
  }

  end(): void {
    this.history.end();
  }

  /** Looks now. @param now milliseconds since 1970 */
  look(now = Date.now()): void {
    this.history.look(now);
  }

  private matters(vitals: Vitals, deadLetters: number, now: number): Matter[] {
    const matters = mattersOf(vitals, deadLetters, now);
    this.sightings.look(matters, now);
    return matters;
  }

  /** The page as it is now. @param now milliseconds since 1970 */
  text(now = Date.now()): string {
    const { tally, history, sightings } = this;
    const vitals = this.vitals();
    const span = history.since(SPAN_MS, now);
    const matters = this.matters(vitals, span.outcomes.dead_letter, now);
    const found = worstOf(matters);
    const legend = legendOf(history.periods());
    const live = (id: string, content: Html, style = '') =>
      html`<div id="${id}" class="${style}" data-live>${content}</div>`;
    const panel = (id: string, title: string, content: Html, style = '') =>
      html`<section class="panel ${style}" aria-labelledby="${id}-title">
        <h2 id="${id}-title">${title}</h2>
        ${live(id, content)}
      </section>`;
    const folded = (id: string, title: string, content: Html) =>
      html`<details>
        <summary>${title}</summary>
        <div class="scroll" role="region" aria-label="${title}" tabindex="0">${live(id, content)}</div>
      </details>`;
    const body = html`<header>
        <h1>dbw <span class="unseen">status</span></h1>
        <p id="asked" data-live>${vitals.version} on ${this.host}, ${clock(now)}</p>
      </header>
      <main>
        <p id="silent" role="alert" hidden></p>
        <p class="unseen" id="said" role="status" data-live>${headlineOf(matters)}</p>
        ${live('status', verdict(matters, calmOf(vitals, span.lag), sightings, now), found)}
        ${live('others', others(matters, sightings, now))}
        <section aria-labelledby="charts-title">
          <h2 id="charts-title" class="unseen">The last ten minutes</h2>
          ${live('cards', cards(history, vitals, span, tally.byOutcome.dead_letter, now), 'cards')}
          <p class="note legend" id="legend" data-live>${legend}</p>
        </section>
        <div class="panels">
          ${panel('lag', 'Lag by topic', lagTable(vitals), 'wide')}
          ${panel('reasons', 'Dead letters by reason', deadLettersTable(tally, span))}
          ${panel('reading', 'Reading', readingTable(vitals))} ${panel('servers', 'Servers', serversTable(vitals))}
          ${panel('build', 'This process', buildTable(vitals, this.host, now))}
        </div>
        ${folded('topics', 'All topics', topicsTable(vitals))}
        ${folded('types', 'Every event type since the start', typesTable(tally))}
        ${folded('minutes', 'The charts as a table', minutesTable(history))}
      </main>
      <footer>
        <span>This instance only; read-only; renewed every few seconds.</span>
        <nav aria-label="For programs">
          <a href="/health">/health</a> <a href="/livez">/livez</a> <a href="/readyz">/readyz</a>
          <a href="/metrics">/metrics</a>
        </nav>
      </footer>`;
    return html`<!doctype html>
      <html lang="en" data-build="${BUILD}">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="robots" content="noindex" />
          <noscript><meta http-equiv="refresh" content="15" /></noscript>
          <title>${SIGNS[found]} ${found === 'good' ? 'dbw' : `${headlineOf(matters)} · dbw`}</title>
          <link rel="icon" href="${iconOf(found)}" />
          ${STYLE_ELEMENT}
        </head>
        <body>
          ${body} ${SCRIPT_ELEMENT}
        </body>
      </html> `.text;
  }
}
