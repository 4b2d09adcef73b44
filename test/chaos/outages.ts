import type { ServerName } from './plan.js';

interface Outage {
  readonly server: ServerName;
  readonly from: number;
  to: number | undefined;
}

/** When which server could not be used: stopped, refusing, or silent. */
export class Outages {
  private readonly all: Outage[] = [];

  /** Notes that a server is away while `work` runs. */
  async during(server: ServerName, work: () => Promise<void>): Promise<void> {
    const outage: Outage = { server, from: Date.now(), to: undefined };
    this.all.push(outage);
    try {
      await work();
    } finally {
      outage.to = Date.now();
    }
  }

  /** How long a server was away in all. */
  seconds(server: ServerName): number {
    const own = this.all.filter((outage) => outage.server === server);
    return own.reduce((sum, { from, to }) => sum + ((to ?? Date.now()) - from), 0) / 1000;
  }
}
