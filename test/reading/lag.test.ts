import { expect } from 'chai';
import { Lag } from '../../src/reading/lag.js';

const AT = { topic: 'user.created', partition: 0 };
const S = 1000;

/** What is said of the only partition, without its name. */
function said(lag: Lag, now: number) {
  const [only] = lag.partitions(now);
  return only && { lag: only.lag, seconds: only.seconds, movedAt: only.movedAt };
}

/** Of all partitions. */
function eventsOf(lag: Lag): number {
  return lag.partitions(0).reduce((sum, partition) => sum + partition.lag, 0);
}

describe('lag', () => {
  it('is the distance from the position to the end, never negative, and none where either is unknown', () => {
    const lag = new Lag();
    lag.sawEnd([{ ...AT, next: 50 }], 0);
    expect(eventsOf(lag)).to.equal(0);
    lag.reached([{ ...AT, next: 20 }], 0);
    lag.sawEnd([{ ...AT, next: 40 }], 0);
    lag.reached([{ ...AT, partition: 1, next: 5 }], 0);
    expect(eventsOf(lag)).to.equal(30);
    lag.reached([{ ...AT, next: 60 }], 0);
    expect(eventsOf(lag)).to.equal(0);
    lag.reset();
    expect(lag.partitions(0)).to.deep.equal([]);
  });

  it('in seconds is the age of the record that was read last, in a backlog', () => {
    const lag = new Lag();
    lag.reached([{ ...AT, next: 0 }], 5000 * S);
    lag.sawEnd([{ ...AT, next: 9 }], 5000 * S);
    expect(said(lag, 5002 * S)).to.deep.equal({ lag: 9, seconds: 2, movedAt: 5000 * S });
    lag.sawRecord(AT.topic, AT.partition, 1000 * S, 5002 * S);
    expect(said(lag, 5002 * S)!.seconds).to.equal(4002);
    lag.sawRecord(AT.topic, AT.partition, -1, 5002 * S);
    expect(said(lag, 5002 * S)!.seconds).to.equal(4002);
  });

  it('in seconds begins anew with the first event after a quiet hour', () => {
    const lag = new Lag();
    lag.reached([{ ...AT, next: 9 }], 0);
    lag.sawEnd([{ ...AT, next: 9 }], 0);
    lag.sawRecord(AT.topic, AT.partition, 1, 2);
    lag.sawEnd([{ ...AT, next: 10 }], 3600 * S);
    expect(said(lag, 3601 * S)).to.deep.equal({ lag: 1, seconds: 1, movedAt: 3600 * S });
    expect(said(lag, 3600 * S - 5)!.seconds).to.equal(0);
  });

  it('counts as standing still only since it began, also where the end was not known before', () => {
    const lag = new Lag();
    lag.reached([{ ...AT, next: 9 }], 0);
    expect(said(lag, 99 * S)!.movedAt).to.equal(99 * S);
    lag.sawEnd([{ ...AT, next: 12 }], 3600 * S);
    expect(said(lag, 3700 * S)!.movedAt).to.equal(3600 * S);
    lag.sawEnd([{ ...AT, next: 13 }], 3650 * S);
    lag.reached([{ ...AT, next: 9 }], 3650 * S);
    expect(said(lag, 3700 * S)!.movedAt).to.equal(3600 * S);
    lag.reached([{ ...AT, next: 10 }], 3650 * S);
    expect(said(lag, 3700 * S)!.movedAt).to.equal(3650 * S);
  });
});
