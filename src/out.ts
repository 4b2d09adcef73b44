/** Of texts up to this length each character is put by us: to call Node for one takes longer than that. */
const SHORT = 64;

/** The value of a hexadecimal digit in lower case; of anything else a number that is not from 0 to 15. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code < 97 ? -1 : code - 87;
}

/** Bytes that are put one after the other into a buffer that grows, and is used for one message after the other. */
export class Out {
  bytes = Buffer.allocUnsafe(65_536);
  at = 0;

  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  int16(value: number): void {
    this.reserve(2);
    this.at = this.bytes.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.reserve(4);
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  int64(value: number): void {
    this.reserve(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.bytes.writeInt32BE(high, this.at);
    this.at = this.bytes.writeUInt32BE(value - high * 0x1_0000_0000, this.at + 4);
  }

  bigint(value: bigint): void {
    this.reserve(8);
    this.at = this.bytes.writeBigInt64BE(value, this.at);
  }

  /** Length and UTF-8 bytes, with `prefix` (a version byte) before them where it is not negative. */
  text(value: string, prefix = -1): void {
    this.reserve(5 + value.length * 3);
    let start = this.at + 4;
    if (prefix >= 0) start = this.bytes.writeUInt8(prefix, start);
    const end = this.utf8(value, start);
    this.bytes.writeInt32BE(end - this.at - 4, this.at);
    this.at = end;
  }

  /** The UTF-8 bytes of a text, and nothing else. */
  words(value: string): void {
    this.reserve(value.length * 3);
    this.at = this.utf8(value, this.at);
  }

  /** Puts UTF-8 at a place, for which there is room; returns its end. */
  private utf8(value: string, start: number): number {
    const { length } = value;
    if (length > SHORT) return start + this.bytes.write(value, start);
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 127) return start + this.bytes.write(value, start);
      this.bytes[start + i] = unit;
    }
    return start + length;
  }

  /** The 16 bytes of a UUID in its usual spelling, lower case with dashes. */
  uuid(value: string): void {
    this.int32(16);
    this.reserve(16);
    let all = 0;
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) i++;
      const high = nibble(value.charCodeAt(i));
      const low = nibble(value.charCodeAt(i + 1));
      all |= high | low;
      this.bytes[this.at++] = (high << 4) | low;
    }
    if ((all & ~15) !== 0 || value.length !== 36) throw new TypeError('a text that is to be sent as a uuid is none');
  }

  blob(value: Buffer): void {
    this.int32(value.length);
    this.put(value);
  }

  /** These bytes, and nothing else. */
  put(value: Buffer): void {
    this.reserve(value.length);
    this.at += value.copy(this.bytes, this.at);
  }

  /** What was put since `at` was 0, in bytes of its own. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.at));
  }
}
