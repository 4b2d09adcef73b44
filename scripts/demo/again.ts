import type { ConsumeSummary } from '../../src/commands/consume.js';
import { readRows } from '../../test/support/rows.js';
import { bar, consuming } from './consuming.js';
import { count, paint } from './paint.js';
import { mustBe, mustEqual } from './proof.js';
import { sendOnce } from './sending.js';
import type { Stage } from './stage.js';
import type { Step } from './steps.js';
import type { Stream } from './stream.js';

/** Sends everything a second time and consumes it: the tables must not notice. */
export function onceMore(stage: Stage, messages: Stream['messages']): Step[] {
  let before: Snapshot | undefined;
  let summary: ConsumeSummary | undefined;
  return [
    {
      name: 'Again',
      work: async (tell) => {
        before = await snapshot(stage);
        await sendOnce(stage.config, messages, (sent) => {
          tell(bar(sent, messages.length));
        });
        return `everything sent a second time: ${count(messages.length)} messages`;
      },
    },
    consuming(stage, messages.length, (ended) => (summary = ended)),
    {
      name: 'Proof',
      work: async () => {
        const after = await snapshot(stage);
        if (!before || !summary) throw new Error('Nothing was consumed a second time.');
        const { applied, duplicate, collision } = summary.outcomes;
        mustEqual(after.rows, before.rows, 'before');
        mustBe('transactions that wrote rows', after.written, before.written);
        if (applied > 0) throw new Error(`${count(applied)} events were applied twice`);
        return paint.green(`not one row changed: ${count(duplicate + collision)} events were known already`);
      },
    },
  ];
}

interface Snapshot {
  readonly rows: Awaited<ReturnType<typeof readRows>>;
  /** Table → a number that changes whenever one of its rows is written, be it with what it held already. */
  readonly written: ReadonlyMap<string, number>;
}

async function snapshot({ dataSource }: Stage): Promise<Snapshot> {
  const rows = await readRows(dataSource);
  const written = new Map<string, number>();
  for (const table of rows.keys()) {
    const [row]: { sum: number }[] = await dataSource.query(
      `SELECT coalesce(sum(xmin::text::bigint), 0)::float8 AS sum FROM public.${table}`,
    );
    written.set(table, row?.sum ?? 0);
  }
  return { rows, written };
}
