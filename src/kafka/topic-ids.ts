/** What tells a log from another one of the same name. */
export interface Identities {
  readonly clusterId: string;
  /** Kafka's id of each topic that exists, as lower-case uuid. All zeros where the cluster gives no ids. */
  readonly topicIds: ReadonlyMap<string, string>;
}

/** The key and version of the question in Kafka's protocol. */
export const METADATA = { apiKey: 3, apiVersion: 10, apiName: 'Metadata' };
const UNKNOWN_TOPIC = 3;
/** Errors of a topic that do not keep its id from being true: it has no leader, or not all of its replicas. */
const PASSING = [0, 5, 9];

/** Lengths of Kafka's newer requests: groups of seven bits, lowest first, one more than what they count. */
function lengthOf(count: number): Buffer {
  const bytes: number[] = [];
  let rest = count + 1;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/**
 * The question, Metadata request version 10, which tells ids: kafkajs stops at 6. Begins with the end of the header, which
 * kafkajs writes without.
 */
export function encodeQuestion(topics: readonly string[]): Buffer {
  const entries = topics.flatMap((topic) => {
    const name = Buffer.from(topic);
    return [Buffer.alloc(16), lengthOf(name.length), name, Buffer.of(0)]; // no id is known, this is what is asked
  });
  // Last: no creation, no authorized operations of cluster and topics, no tags.
  return Buffer.concat([Buffer.of(0), lengthOf(topics.length), ...entries, Buffer.of(0, 0, 0, 0)]);
}

/** Reads what a broker answers, from front to back. */
class Answer {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  take(size: number): Buffer {
    const from = this.at;
    if (from + size > this.bytes.length) throw new Error('it ends too early');
    this.at += size;
    return this.bytes.subarray(from, this.at);
  }

  private unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.take(1).readUInt8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('a length has no end');
  }

  /** Reads elements one after the other; null counts as none. */
  list(read: () => void): void {
    for (let left = this.unsigned() - 1; left > 0; left--) read();
  }

  text(): string {
    return this.take(Math.max(0, this.unsigned() - 1)).toString();
  }

  tags(): void {
    for (let left = this.unsigned(); left > 0; left--) {
      this.unsigned();
      this.take(this.unsigned());
    }
  }
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * The answer, with the end of its header.
 *
 * @throws Error where the bytes end too early, or a topic may not be described
 */
export function decodeAnswer(bytes: Buffer): Identities {
  const answer = new Answer(bytes);
  const topicIds = new Map<string, string>();
  answer.tags(); // of the header
  answer.take(4); // throttle time
  answer.list(() => {
    answer.take(4);
    answer.text();
    answer.take(4);
    answer.text();
    answer.tags();
  });
  const clusterId = answer.text();
  answer.take(4); // controller
  answer.list(() => {
    const error = answer.take(2).readInt16BE();
    const topic = answer.text();
    const id = uuid(answer.take(16));
    answer.take(1);
    answer.list(() => {
      answer.take(2 + 4 + 4 + 4); // error, number, leader and its epoch
      for (let i = 0; i < 3; i++) answer.list(() => answer.take(4));
      answer.tags();
    });
    answer.take(4);
    answer.tags();
    // Not allowed is not gone.
    if (PASSING.includes(error)) topicIds.set(topic, id);
    else if (error !== UNKNOWN_TOPIC) throw new Error(`it refuses to describe ${topic} (Kafka's error ${error})`);
  });
  return { clusterId, topicIds };
}
