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
 * A batch of records that cannot be unpacked. Not retriable: the same bytes come again. The consumer goes on with the other
 * partitions; that of the batch waits.
 */
export class UnreadableBatchError extends kafkajs.KafkaJSNonRetriableError {
  override readonly name = 'UnreadableBatchError';

  /**
   * @param codec undefined where the codec has no part in it
   * @param place topic, partition and offsets, where they are known
   */
  constructor(
    readonly codec: string | undefined,
    readonly why: string,
    readonly remedy: string,
    place?: string,
  ) {
    const what = `A batch${codec === undefined ? '' : ` compressed with ${codec}`}`;
    super(`${what}${place === undefined ? '' : ` (${place})`} cannot be read: ${why}. ${remedy}.`);
  }
}

export const REMEDY =
  'Nothing is skipped: have its events sent again, then delete the records of its partition up to its end';

/** What became of a batch, with its place: whoever reads bytes that contradict their format gets an UnreadableBatchError. */
export function placed(error: unknown, place: string): unknown {
  if (error instanceof UnreadableBatchError) {
    return new UnreadableBatchError(error.codec, error.why, error.remedy, place);
  }
  if (!(error instanceof CorruptError || error instanceof RangeError)) return error;
  return new UnreadableBatchError(undefined, `its bytes are not what they should be (${error.message})`, REMEDY, place);
}
