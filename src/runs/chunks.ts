import type { Message } from '../event/message.js';
import type { Slice } from '../kafka/log-reader.js';

/** Some messages, and how far their partitions are when these are done. */
export interface Chunk {
  readonly messages: readonly Message[];
  readonly ends: readonly { readonly topic: string; readonly partition: number; readonly next: number }[];
}

/** Cuts what was read into pieces of at most `most()` messages, each partition in order. */
export function* chunksOf(slices: readonly Slice[], most: () => number): Generator<Chunk> {
  let messages: Message[] = [];
  let ends: { topic: string; partition: number; next: number }[] = [];
  let limit = most();
  for (const { topic, partition, messages: read, next } of slices) {
    let at = 0;
    while (at < read.length) {
      const some = read.slice(at, at + limit - messages.length);
      messages = messages.concat(some);
      at += some.length;
      if (at < read.length) ends.push({ topic, partition, next: (some.at(-1)?.offset ?? 0) + 1 });
      if (messages.length < limit) continue;
      if (at === read.length) ends.push({ topic, partition, next });
      yield { messages, ends };
      [messages, ends, limit] = [[], [], most()];
    }
    // Behind the last message there may be records that are none.
    if (ends.at(-1)?.topic !== topic || ends.at(-1)?.partition !== partition) ends.push({ topic, partition, next });
  }
  if (ends.length > 0) yield { messages, ends };
}
