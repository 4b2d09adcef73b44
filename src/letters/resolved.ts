import type { DataSource } from 'typeorm';
import { processedAmong } from '../postgres/processed.js';
import { Session } from '../postgres/session.js';

const BATCH = 5_000;
/** Questions at once: while PostgreSQL answers, letters are read. */
const AT_ONCE = 2;

/** Asks whose events have been processed, many at a time, while letters are being read. */
export class ResolvedQuestions {
  private ids: string[] = [];
  private slots: number[] = [];
  private readonly asked = new Set<Promise<void>>();
  private failure: Error | undefined;

  /** @param onProcessed told the slots of events that have been processed */
  constructor(
    private readonly dataSource: DataSource,
    private readonly onProcessed: (slot: number) => void,
  ) {}

  /** Takes a question down. */
  add(eventId: string, slot: number): void {
    this.ids.push(eventId);
    this.slots.push(slot);
    if (this.ids.length >= BATCH) this.send();
  }

  private send(): void {
    const [ids, slots] = [this.ids, this.slots];
    [this.ids, this.slots] = [[], []];
    const answer = Session.with(this.dataSource, (session) => processedAmong(session, ids)).then(
      (processed) => {
        ids.forEach((id, i) => {
          if (processed.has(id)) this.onProcessed(slots[i] ?? -1);
        });
      },
      (error: unknown) => {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
      },
    );
    this.asked.add(answer);
    void answer.then(() => this.asked.delete(answer));
  }

  /** Resolves when few enough questions are under way. Throws what PostgreSQL threw. */
  async ready(): Promise<void> {
    while (this.asked.size >= AT_ONCE) await Promise.race(this.asked);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Resolves when all are answered. */
  async end(): Promise<void> {
    if (this.ids.length > 0) this.send();
    await Promise.all(this.asked);
    if (this.failure !== undefined) throw this.failure;
  }
}
