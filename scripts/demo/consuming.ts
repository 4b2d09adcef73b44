import type { ConsumeSummary } from '../../src/commands/consume.js';
import { consume } from './dbw.js';
import { count, paint } from './paint.js';
import type { Stage } from './stage.js';
import type { Step } from './steps.js';

const BAR_WIDTH = 24;

/** The step that runs dbw as a process of its own, and looks into the database how far it is. */
export function consuming(stage: Stage, total: number, onEnd: (summary: ConsumeSummary) => void): Step {
  const command = 'dbw consume --until-caught-up';
  return {
    name: 'Consume',
    work: async (tell) => {
      tell(command);
      const start = await positionOf(stage);
      onEnd(
        await consume(async () => {
          tell(bar((await positionOf(stage)) - start, total));
        }),
      );
      return `${command}: ${count(total)} messages`;
    },
  };
}

/** How many messages are done, and the database knows it. */
async function positionOf({ config, dataSource }: Stage): Promise<number> {
  const [row]: { next: number }[] = await dataSource.query(
    'SELECT coalesce(sum(next_offset), 0)::float8 AS next FROM dbw.positions WHERE group_id = $1',
    [config.kafka.groupId],
  );
  return row?.next ?? 0;
}

export function bar(done: number, total: number): string {
  const filled = Math.round(Math.min(1, done / total) * BAR_WIDTH);
  return `${paint.cyan('█'.repeat(filled))}${paint.dim('░'.repeat(BAR_WIDTH - filled))}  ${count(done)} of ${count(total)}`;
}
