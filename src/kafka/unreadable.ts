import kafkajs from 'kafkajs';

/** The bytes contradict their format. Thrown by the decoders of this folder. */
export class CorruptError extends Error {
  override readonly name = 'CorruptError';
}

/** The bytes stand for more than the limit. Thrown before the memory is taken. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  constructor(limit: number) {
    super(`it holds more than ${Math.floor(limit / 1024 / 1024)} MiB when unpacked`);
  }
}

/**
 * A batch of records that cannot be unpacked. Not retriable: the same bytes come again. kafkajs ends the consumer with it and
 * gives it to the listener of CRASH.
 */
export class UnreadableBatchError extends kafkajs.KafkaJSNonRetriableError {
  override readonly name = 'UnreadableBatchError';

  constructor(codec: string, why: string, remedy: string) {
    super(`A batch compressed with ${codec} cannot be read: ${why}. ${remedy}.`);
  }
}
