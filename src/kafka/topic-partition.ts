/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition in one text: how maps know it, and what people are told. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}
