import type { Logger } from 'pino';
import type { Gap } from '../reading/beginnings.js';
import type { Position } from '../reading/offsets.js';
import type { UnreadableBatch } from '../reading/unreadable.js';
import type { ParkedCount } from '../postgres/parked.js';
import type { Reach } from '../health/reach.js';
import type { Servers } from '../servers.js';
import type { Tally } from '../health/tally.js';
import type { Tracing } from '../tracing/tracing.js';

export interface ConsumeOptions {
  /** Event types to read; all of the registry where absent. */
  readonly types?: readonly string[] | undefined;
  /** End when everything that is there at the start is done. */
  readonly untilCaughtUp?: boolean;
  /** End after so many messages. */
  readonly maxEvents?: number | undefined;
  /** Gaps that the operator knows of: reading goes on behind them, at these offsets at the latest. */
  readonly acceptGaps?: readonly Position[];
  readonly version: string;
  /** Told how many events are still to come, while `untilCaughtUp`. */
  readonly onProgress?: (left: number, tally: Tally) => void;
}

/** What is left when it ends. */
export interface Remains {
  readonly parked: ParkedCount;
  /** Events lost to retention, whose partitions were not read. */
  readonly gaps: readonly Gap[];
  /** Batches that cannot be read, from which on their partitions were not read. */
  readonly unreadable: readonly UnreadableBatch[];
}

export interface Surroundings {
  readonly servers: Servers;
  readonly tally: Tally;
  readonly tracing: Tracing | undefined;
  readonly kafka: Reach;
  readonly database: Reach;
  readonly log: Logger;
}
