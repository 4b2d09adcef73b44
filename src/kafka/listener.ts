import type { Demand } from './records.js';
import type { Queued } from '../reading/intake.js';
import type { Position } from '../reading/offsets.js';
import type { UnreadableBatchError } from './unreadable.js';
import type { TopicPartition } from './topic-partition.js';

/** Records of a partition are gone that were never read: `from` was to come, `to` is the first that came. */
export interface Jump {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What the source tells its owner. */
export interface Listener {
  /** Says what to fetch next. */
  readonly demand: Demand;
  /** What was read of one partition, in order; the last may be no message but the offset behind control records. */
  readonly onRead: (read: readonly Queued[], end: Position) => void;
  /** Resolves when more may be read; undefined where it may. */
  readonly room: () => Promise<void> | undefined;
  /**
   * Partitions were given; what is in hand of others no longer counts. Resolves to where each of them begins that is to be
   * read, and never rejects: it tries until it knows.
   */
  readonly onAssigned: (assigned: readonly TopicPartition[]) => Promise<readonly Position[]>;
  /** What came is thrown away. The owner holds the partition until it knows where to go on. */
  readonly onJump: (jump: Jump) => void;
  /** The batch that comes next cannot be read; it is not passed. The owner holds the partition. */
  readonly onUnreadable: (next: Position, error: UnreadableBatchError) => void;
  /** The group is about to share its partitions anew. */
  readonly onRebalancing: () => void;
  /** The cluster has answered. */
  readonly onAnswer: () => void;
  /** The consumer fails, but tries again. */
  readonly onTrouble: (error: Error) => void;
  /** The consumer died and will not come back. */
  readonly onCrash: (error: Error) => void;
}
