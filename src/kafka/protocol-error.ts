/**
 * What the broker answered, by its name in Kafka's protocol (`MESSAGE_TOO_LARGE`), or undefined where the error is no
 * answer of a broker. kafkajs wraps it after its last try, and gathers those of several topics.
 */
export function protocolErrorOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('type' in error && typeof error.type === 'string') return error.type;
  if ('errors' in error && Array.isArray(error.errors)) return protocolErrorOf(error.errors[0]);
  return 'cause' in error ? protocolErrorOf(error.cause) : undefined;
}

/** Whether the broker may answer otherwise in a moment: it is starting, or partitions are moving. */
export function isPassing(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  // kafkajs says of the errors of several topics together that they do not pass.
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.every(isPassing);
  if ('retriable' in error && error.retriable === true) return true;
  return 'cause' in error && isPassing(error.cause);
}
