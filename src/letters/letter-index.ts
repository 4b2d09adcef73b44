import type { DeadLetter } from './dead-letter.js';

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

/** The newest letter of one message, in a few bytes. */
interface Newest {
  readonly slot: number;
  readonly isNew: boolean;
}

/**
 * Which letters are the newest of their message, among all that were read: about a hundred bytes a message. Letters are shown
 * in the order in which they stand in their partition.
 */
export class LetterIndex {
  /** By log that messages came from, their offsets and the slots of their newest letters. */
  private readonly logs = new Map<string, Map<number, number>>();
  private readonly newest = new Map<number, Bits>();
  private partitions = new Int32Array(1024);
  private offsets = new Float64Array(1024);
  private times = new Float64Array(1024);
  /** Messages that have letters. */
  size = 0;

  /** @param starts the offset at which each partition of the dead-letter topic begins; -1 stands for the oversize letters */
  constructor(starts: ReadonlyMap<number, number>) {
    for (const [partition, from] of starts) this.newest.set(partition, new Bits(from));
  }

  /**
   * A letter was read.
   *
   * @returns the slot of its message, and whether it is the newest of it so far; undefined where it is older than one before
   */
  add(letter: DeadLetter): Newest | undefined {
    const { origin, record, isOversize, failedAt } = letter;
    const log = `${origin.topic}:${origin.partition}`;
    let slots = this.logs.get(log);
    if (!slots) this.logs.set(log, (slots = new Map<number, number>()));
    const held = slots.get(origin.offset);
    const slot = held ?? this.size++;
    if (held === undefined) slots.set(origin.offset, slot);
    else if (this.isOlder(letter, held)) return undefined;
    else this.mark(held, false);
    this.grow();
    this.partitions[slot] = isOversize ? -1 : record.partition;
    this.offsets[slot] = isOversize ? slot : record.offset;
    this.times[slot] = failedAt;
    this.mark(slot, true);
    return { slot, isNew: held === undefined };
  }

  /** In one partition a later record is newer; else the time of failure tells. */
  private isOlder({ record, isOversize, failedAt }: DeadLetter, slot: number): boolean {
    const partition = isOversize ? -1 : record.partition;
    if (partition === this.partitions[slot] && partition >= 0) return record.offset < (this.offsets[slot] ?? 0);
    return failedAt < (this.times[slot] ?? 0);
  }

  private grow(): void {
    if (this.size <= this.partitions.length) return;
    const length = this.partitions.length * 2;
    const [partitions, offsets, times] = [new Int32Array(length), new Float64Array(length), new Float64Array(length)];
    partitions.set(this.partitions);
    offsets.set(this.offsets);
    times.set(this.times);
    [this.partitions, this.offsets, this.times] = [partitions, offsets, times];
  }

  private mark(slot: number, on: boolean): void {
    const partition = this.partitions[slot] ?? 0;
    this.newest.get(partition)?.set(this.offsets[slot] ?? 0, on);
  }

  /** Whether a letter that was read is the newest of its message. */
  isNewest(letter: DeadLetter): boolean {
    const { record, isOversize } = letter;
    if (!isOversize) return this.newest.get(record.partition)?.has(record.offset) ?? false;
    return this.slotOf(letter) !== undefined;
  }

  /** The slot of the message that a letter is the newest of; undefined where a newer one counts, or it was never shown. */
  slotOf({ origin, record, isOversize }: DeadLetter): number | undefined {
    const slot = this.logs.get(`${origin.topic}:${origin.partition}`)?.get(origin.offset);
    if (slot === undefined) return undefined;
    if (isOversize) return this.partitions[slot] === -1 ? slot : undefined;
    return this.partitions[slot] === record.partition && this.offsets[slot] === record.offset ? slot : undefined;
  }
}
