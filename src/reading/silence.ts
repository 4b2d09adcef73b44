/**
 * Notices a consumer that neither fetches nor sends heartbeats any more although Kafka answers others: kafkajs can lose a
 * request when its connections break, waits for the answer for ever, and tells nobody. Seen after a process and its broker
 * had both stood still for minutes. Counts occasions and not time, so that a process that was itself stopped is given the
 * time to go on.
 */
export class Silence {
  private heard: number | undefined;
  private occasions = 0;

  /** @param limit so many occasions in a row on which Kafka answered us and the consumer had not been heard of */
  constructor(private readonly limit: number) {}

  /**
   * Kafka has answered us.
   *
   * @param heard how often the consumer was heard of so far; undefined where there is none
   * @returns whether it is silent for good: once, when the limit is reached
   */
  isFinal(heard: number | undefined): boolean {
    this.occasions = heard === undefined || heard !== this.heard ? 0 : this.occasions + 1;
    this.heard = heard;
    return this.occasions === this.limit;
  }
}
