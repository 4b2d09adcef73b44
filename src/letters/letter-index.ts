import type { Origin } from './dead-letter.js';
import type { LetterHead } from './letter-head.js';

/** Offsets of one partition, a bit each. */
class Bits {
  private bits = new Uint8Array(1024);

  constructor(private readonly from: number) {}

  set(offset: number, on: boolean): void {
    const at = offset - this.from;
    const byte = at >>> 3;
    if (byte >= this.bits.length) {
      const wider = new Uint8Array(Math.max(byte + 1, this.bits.length * 2));
      wider.set(this.bits);
      this.bits = wider;
    }
    const mask = 1 << (at & 7);
    const held = this.bits[byte] ?? 0;
    this.bits[byte] = on ? held | mask : held & ~mask;
  }

  has(offset: number): boolean {
    const at = offset - this.from;
    return at >= 0 && ((this.bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }
}

/** Where messages came from, each with a number: 0, 1, 2, … in the order in which they came; some 25 bytes for one. */
class Origins {
  size = 0;
  private readonly logs = new Map<string, Map<number, number>>();
  private logCount = 0;
  /** By number. */
  private log: Int32Array;
  private offset: Float64Array;
  /** Numbers + 1 by hash of where; an entry that is taken leads to the next. */
  private table: Int32Array;

  constructor(expected: number) {
    this.log = new Int32Array(expected);
    this.offset = new Float64Array(expected);
    this.table = new Int32Array(tableLength(expected));
  }

  private logOf(topic: string, partition: number): number {
    let partitions = this.logs.get(topic);
    if (!partitions) this.logs.set(topic, (partitions = new Map<number, number>()));
    let log = partitions.get(partition);
    if (log === undefined) partitions.set(partition, (log = this.logCount++));
    return log;
  }

  /** The entry of the table where a place is, or would be. */
  private entryOf(log: number, offset: number): number {
    const mask = this.table.length - 1;
    const high = Math.floor(offset / 0x1_0000_0000);
    let hash = Math.imul(offset | 0, 0x9e37_79b1) ^ Math.imul(log + 1 + Math.imul(high, 31), 0x85eb_ca6b);
    hash ^= hash >>> 15;
    for (let entry = hash & mask; ; entry = (entry + 1) & mask) {
      const number = (this.table[entry] ?? 0) - 1;
      if (number < 0 || (this.log[number] === log && this.offset[number] === offset)) return entry;
    }
  }

  /** The number of a place; undefined where it has none. */
  find({ topic, partition, offset }: Origin): number | undefined {
    const number = (this.table[this.entryOf(this.logOf(topic, partition), offset)] ?? 0) - 1;
    return number < 0 ? undefined : number;
  }

  /** The number of a place, which gets one where it has none; it is then the last. */
  number({ topic, partition, offset }: Origin): number {
    const log = this.logOf(topic, partition);
    const entry = this.entryOf(log, offset);
    const held = (this.table[entry] ?? 0) - 1;
    if (held >= 0) return held;
    if (this.size === this.log.length) {
      this.log = widened(this.log, Int32Array);
      this.offset = widened(this.offset, Float64Array);
    }
    const number = this.size++;
    this.log[number] = log;
    this.offset[number] = offset;
    this.table[entry] = number + 1;
    if (this.size * 4 > this.table.length * 3) this.widenTable();
    return number;
  }

  private widenTable(): void {
    this.table = new Int32Array(this.table.length * 2);
    for (let number = 0; number < this.size; number++) {
      const entry = this.entryOf(this.log[number] ?? 0, this.offset[number] ?? 0);
      this.table[entry] = number + 1;
    }
  }
}

/** A power of two, well above what is expected. */
function tableLength(expected: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1024, expected) * 1.4));
}

function widened<A extends Int32Array | Float64Array>(array: A, Kind: new (length: number) => A): A {
  const wider = new Kind(array.length * 2);
  wider.set(array);
  return wider;
}

/** The newest letter of one message, in a few bytes. */
interface Newest {
  readonly slot: number;
  readonly isNew: boolean;
}

/**
 * Which letters are the newest of their message, among all that were read: some fifty bytes a message. Letters are shown
 * in the order in which they stand in their partition.
 */
export class LetterIndex {
  private readonly origins: Origins;
  private readonly newest = new Map<number, Bits>();
  private partitions: Int32Array;
  private offsets: Float64Array;
  private times: Float64Array;

  /**
   * @param starts the offset at which each partition of the dead-letter topic begins; -1 stands for the oversize letters
   * @param expected messages that there may be: nothing grows below that, and what stays untouched takes no memory
   */
  constructor(starts: ReadonlyMap<number, number>, expected = 1024) {
    const length = Math.max(expected, 1024);
    this.origins = new Origins(length);
    [this.partitions, this.offsets] = [new Int32Array(length), new Float64Array(length)];
    this.times = new Float64Array(length);
    for (const [partition, from] of starts) this.newest.set(partition, new Bits(from));
  }

  /** Messages that have letters. */
  get size(): number {
    return this.origins.size;
  }

  /**
   * A letter was read.
   *
   * @returns the slot of its message, and whether it is the first of it; undefined where it is older than one before
   */
  add(letter: LetterHead): Newest | undefined {
    const { origin, record, isOversize, failedAt } = letter;
    const before = this.origins.size;
    const slot = this.origins.number(origin);
    const isNew = slot === before;
    if (!isNew) {
      if (this.isOlder(letter, slot)) return undefined;
      this.mark(slot, false);
    } else if (slot === this.partitions.length) {
      this.partitions = widened(this.partitions, Int32Array);
      this.offsets = widened(this.offsets, Float64Array);
      this.times = widened(this.times, Float64Array);
    }
    this.partitions[slot] = isOversize ? -1 : record.partition;
    this.offsets[slot] = isOversize ? slot : record.offset;
    this.times[slot] = failedAt;
    this.mark(slot, true);
    return { slot, isNew };
  }

  /** In one partition a later record is newer; else the time of failure tells. */
  private isOlder({ record, isOversize, failedAt }: LetterHead, slot: number): boolean {
    const partition = isOversize ? -1 : record.partition;
    if (partition === this.partitions[slot] && partition >= 0) return record.offset < (this.offsets[slot] ?? 0);
    return failedAt < (this.times[slot] ?? 0);
  }

  private mark(slot: number, on: boolean): void {
    const partition = this.partitions[slot] ?? 0;
    this.newest.get(partition)?.set(this.offsets[slot] ?? 0, on);
  }

  /** Where the newest letter of a slot stands; partition -1 is among the oversize letters. */
  placeOf(slot: number): { readonly partition: number; readonly offset: number } {
    return { partition: this.partitions[slot] ?? 0, offset: this.offsets[slot] ?? 0 };
  }

  /** Whether a letter that was read is the newest of its message. */
  isNewest(letter: LetterHead): boolean {
    const { record, isOversize } = letter;
    if (!isOversize) return this.newest.get(record.partition)?.has(record.offset) ?? false;
    return this.slotOf(letter) !== undefined;
  }

  /** The slot of the message that a letter is the newest of; undefined where a newer one counts, or it was never shown. */
  slotOf({ origin, record, isOversize }: LetterHead): number | undefined {
    const slot = this.origins.find(origin);
    if (slot === undefined) return undefined;
    if (isOversize) return this.partitions[slot] === -1 ? slot : undefined;
    return this.partitions[slot] === record.partition && this.offsets[slot] === record.offset ? slot : undefined;
  }
}
