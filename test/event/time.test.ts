import { expect } from 'chai';
import fc from 'fast-check';
import { dayOf, formatTime, now, parseTime } from '../../src/event/time.js';
import { time as modelTime } from '../support/model/values.js';

/** Microseconds of an ISO time in UTC, by `Date`, which knows milliseconds only. */
function micros(iso: string, more = 0): number {
  return Date.parse(iso) * 1000 + more;
}

const two = (n: number) => String(n).padStart(2, '0');

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const parts = (year: fc.Arbitrary<number>) =>
  fc.record<Parts>({
    year,
    month: fc.integer({ min: 0, max: 13 }),
    day: fc.integer({ min: 0, max: 32 }),
    hour: fc.integer({ min: 0, max: 25 }),
    minute: fc.integer({ min: 0, max: 61 }),
    second: fc.integer({ min: 0, max: 61 }),
  });

function textOf({ year, month, day, hour, minute, second }: Parts): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
}

/** The time by `Date`'s own calendar, or undefined where `Date` had to carry something over into the next unit. */
function utcOf(given: Parts): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(given.year, given.month - 1, given.day);
  date.setUTCHours(given.hour, given.minute, given.second);
  const back: Parts = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
  return textOf(back) === textOf(given) ? date.getTime() : undefined;
}

describe('times', () => {
  const read: [text: string, expected: number][] = [
    ['1970-01-01T00:00:00Z', 0],
    ['2000-01-01T00:00:00Z', 946_684_800_000_000],
    ['2024-01-01T00:00:00.1Z', micros('2024-01-01T00:00:00.100Z')],
    ['2024-01-01T00:00:00.123456Z', micros('2024-01-01T00:00:00.123Z', 456)],
    ['2024-01-01T00:00:00.9999999Z', micros('2024-01-01T00:00:00.999Z', 999)],
    ['2024-01-01T00:00:00.000000999Z', micros('2024-01-01T00:00:00Z')],
    [`2024-01-01T00:00:00.000001${'9'.repeat(300)}Z`, micros('2024-01-01T00:00:00Z', 1)],
    ['2024-02-29T23:59:59Z', micros('2024-02-29T23:59:59Z')],
    ['2000-02-29T00:00:00Z', micros('2000-02-29T00:00:00Z')],
    ['2024-01-01t00:00:00z', micros('2024-01-01T00:00:00Z')],
    ['2024-01-01T08:00:00+08:00', micros('2024-01-01T00:00:00Z')],
    ['2023-12-31T23:30:00-00:30', micros('2024-01-01T00:00:00Z')],
    ['2024-01-01T00:00:00-00:00', micros('2024-01-01T00:00:00Z')],
    ['2024-01-01T23:59:00+23:59', micros('2024-01-01T00:00:00Z')],
    ['1969-12-31T23:59:59.9999995Z', -1],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000_000],
  ];
  for (const [text, expected] of read) {
    it(`${text.slice(0, 40)} is read`, () => {
      const time = parseTime(text);
      expect(time === undefined ? undefined : Number(time)).to.equal(expected);
    });
  }

  const refused: Record<string, string> = {
    nothing: '',
    'no zone': '2024-01-01T00:00:00',
    'no time': '2024-01-01',
    'no seconds': '2024-01-01T00:00Z',
    'a leap second': '2016-12-31T23:59:60Z',
    '24:00': '2024-01-01T24:00:00Z',
    'minute 60': '2024-01-01T00:60:00Z',
    'month 0': '2024-00-01T00:00:00Z',
    'month 13': '2024-13-01T00:00:00Z',
    'day 0': '2024-01-00T00:00:00Z',
    '31 April': '2024-04-31T00:00:00Z',
    '29 February of a common year': '2023-02-29T00:00:00Z',
    '29 February of 1900': '1900-02-29T00:00:00Z',
    '30 February': '2024-02-30T00:00:00Z',
    'a zone of 24 hours': '2024-01-01T00:00:00+24:00',
    'a zone of 60 minutes': '2024-01-01T00:00:00+01:60',
    'a zone without colon': '2024-01-01T00:00:00+0100',
    'a zone of hours only': '2024-01-01T00:00:00+01',
    'a zone with a space': '2024-01-01T00:00:00 Z',
    'a typographic minus': '2024-01-01T00:00:00−01:00',
    'a point without digits': '2024-01-01T00:00:00.Z',
    'a comma for a point': '2024-01-01T00:00:00,5Z',
    'a space for the T': '2024-01-01 00:00:00Z',
    'white space before': ' 2024-01-01T00:00:00Z',
    'white space behind': '2024-01-01T00:00:00Z\n',
    'two times': '2024-01-01T00:00:00Z2024-01-01T00:00:00Z',
    'six digits of a year': '+002024-01-01T00:00:00Z',
    'two digits of a year': '24-01-01T00:00:00Z',
    'a sign in a number': '2024-+1-01T00:00:00Z',
    'digits of another script': '２０２４-01-01T00:00:00Z',
    'year 0': '0000-12-31T23:59:59Z',
    'before year 1 by its zone': '0001-01-01T00:00:00+00:01',
    'beyond year 9999 by its zone': '9999-12-31T23:59:59-00:01',
    'milliseconds since 1970': '1704067200000',
    words: 'yesterday',
    'HTTP form': 'Mon, 01 Jan 2024 00:00:00 GMT',
  };
  for (const [what, text] of Object.entries(refused)) {
    it(`${what} is refused`, () => {
      expect(parseTime(text)).to.equal(undefined);
    });
  }

  it('agree with Date on every calendar day, and cut what Date does not know', () => {
    const fraction = fc.string({ unit: fc.integer({ min: 0, max: 9 }).map(String), maxLength: 12 });
    const zone = fc.record({ sign: fc.constantFrom(1, -1), hours: fc.integer({ min: 0, max: 23 }), minutes: fc.integer({ min: 0, max: 59 }) }); // prettier-ignore
    fc.assert(
      fc.property(
        parts(fc.integer({ min: 1970, max: 2254 })),
        fraction,
        zone,
        (given, digits, { sign, hours, minutes }) => {
          const offset = sign * (hours * 60 + minutes);
          const text = `${textOf(given)}${digits && `.${digits}`}${sign > 0 ? '+' : '-'}${two(hours)}:${two(minutes)}`;
          const utc = utcOf(given);
          const expected =
            utc === undefined ? undefined : (utc - offset * 60_000) * 1000 + Number(digits.padEnd(6, '0').slice(0, 6));
          expect(parseTime(text), text).to.equal(expected);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('agree with Date in all years, to the second', () => {
    fc.assert(
      fc.property(parts(fc.integer({ min: 1, max: 9999 })), (given) => {
        const utc = utcOf(given);
        const time = parseTime(`${textOf(given)}Z`);
        expect(time === undefined ? undefined : Number(time)).to.equal(utc === undefined ? undefined : utc * 1000);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const time = parseTime(text);
        expect(time === undefined || Number.isInteger(time)).to.equal(true);
      }),
    );
  });

  it('are formatted so that reading gives them back, and as the model has them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 946_684_800_000_000, max: 9_000_000_000_000_000 }), (time) => {
        const text = formatTime(time);
        expect(text).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        expect(parseTime(text)).to.equal(time);
        expect(modelTime(text)).to.equal(text);
      }),
    );
    expect(formatTime(-1)).to.equal('1969-12-31T23:59:59.999999Z');
  });

  // "For ever" is what producers write as the last moment of 9999.
  for (const text of ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999999Z', '2300-01-01T00:00:00.123457Z']) {
    it(`${text} keeps its microseconds`, () => {
      const time = parseTime(text);
      expect(time === undefined ? undefined : formatTime(time)).to.equal(modelTime(text));
    });
  }

  it('know their day, also before 1970', () => {
    expect(dayOf(0)).to.equal(0);
    expect(dayOf(86_400_000_000 - 1)).to.equal(0);
    expect(dayOf(86_400_000_000)).to.equal(1);
    expect(dayOf(-1)).to.equal(-1);
    expect(dayOf(micros('2024-02-29T12:00:00Z'))).to.equal(Date.UTC(2024, 1, 29) / 86_400_000);
  });

  it('of the clock are those of Date', () => {
    const before = Date.now();
    const time = now();
    expect(time).to.be.within(before * 1000, Date.now() * 1000);
  });
});
