import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf } from '../errors.js';
import type { GroupLag, LagReport } from './group-lag.js';
import { ratesOf, type Rates } from './lag-rates.js';
import { jsonText, printable, screened } from '../printable.js';
import { lagLine, lagTable, pace } from './lag-table.js';

const EVERY_MS = 2_000;
/** From the top left corner; what is below goes. */
const HOME = '\u001b[H\u001b[J';

export interface WatchOptions {
  readonly by: 'topic' | 'partition';
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** What is seen at one moment. */
function picture(report: LagReport, rates: Rates | undefined, by: WatchOptions['by']): string {
  const { isTTY, rows } = process.stdout;
  if (!isTTY) return `${lagLine(report, rates)}\n`;
  const lines = lagTable(report, by).split('\n');
  const room = rows - 5;
  const shown = lines.length > room ? [...lines.slice(0, room), `… ${lines.length - room} more lines`] : lines;
  const head = `${report.group}  ${report.at.slice(11, 19)} UTC  ${rates ? pace(rates) : ''}`;
  return `${HOME}${screened([head, '', ...shown, '', 'Ctrl-C ends this.'].join('\n'))}\n`;
}

/**
 * Shows the lag every 2 s until the signal: redrawn on a terminal, a line each time elsewhere. Kafka may be away meanwhile.
 *
 * @throws where Kafka does not answer the first time
 */
export async function watchLag(lag: GroupLag, { by, json, signal }: WatchOptions): Promise<void> {
  let last: LagReport | undefined;
  while (!signal.aborted) {
    try {
      const report = await lag.ask(signal);
      const rates = last && ratesOf(last, report);
      last = report;
      const line = { ...report, rates: rates ?? null };
      process.stdout.write(json ? `${jsonText(line)}\n` : picture(report, rates, by));
    } catch (error) {
      if (last === undefined) throw error;
      process.stderr.write(`${printable(reasonOf(error))}; asked again\n`);
    }
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
