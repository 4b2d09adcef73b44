/** A small seeded source of chance (sfc32): the same seed gives the same stream on every machine. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(private readonly seed: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = 0x9e3779b9 | 0;
    // The first numbers of near seeds resemble each other.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** An unsigned integer of 32 bits. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Another source, for a part whose use of chance shall not shift that of the others. */
  fork(part: number): Random {
    return new Random(this.seed + part * 2 ** 32);
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.next() / 2 ** 32;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** An integer in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('There is nothing to pick from');
    return item;
  }

  /** Picks the first items far more often than the last: a few people and posts get most of the attention. */
  favourite<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.unit() ** 2.5 * items.length)];
    if (item === undefined) throw new Error('There is nothing to pick from');
    return item;
  }

  /** One of the recent items: what is new is what people react to. */
  recent<T>(items: readonly T[]): T {
    const item = items[items.length - 1 - Math.floor(this.unit() ** 3 * items.length)];
    if (item === undefined) throw new Error('There is nothing to pick from');
    return item;
  }

  uuid(): string {
    const hex = [this.next(), this.next(), this.next(), this.next()]
      .map((n) => n.toString(16).padStart(8, '0'))
      .join('');
    const variant = '89ab'[this.below(4)] ?? '8';
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** `length` digits of base 36. */
  word(length: number): string {
    let word = '';
    while (word.length < length) word += this.next().toString(36).padStart(7, '0').slice(1);
    return word.slice(0, length);
  }

  shuffle<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.unit() }));
    return keyed.sort((x, y) => x.key - y.key).map(({ item }) => item);
  }
}
