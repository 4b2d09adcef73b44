/** Microseconds since 1970-01-01T00:00:00Z, of a time between 1684 and 2255: exact in a double. */
export type Micros = number;

/** Microseconds of any time: a bigint where a double would not be exact. */
export type AnyMicros = Micros | bigint;

const MICROS_PER_DAY = 86_400_000_000;
const SECONDS_PER_DAY = 86_400;
/** Seconds since 1970 at which the year 1 begins, and the year 9999 ends. */
const YEAR_1 = -62_135_596_800;
const YEAR_10000 = 253_402_300_800;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** The value of `count` decimal digits at `at`, or NaN where one of them is no digit. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
function dayNumber(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const inYear = (DAYS_BEFORE_MONTH[month - 1] ?? 0) + (month > 2 && isLeap(year) ? 1 : 0) + day - 1;
  return before * 365 + leapDays + inYear - 719_162;
}

/** Minutes east of UTC of the zone that begins at `at`, or NaN; the zone must be the end of the text. */
function zoneMinutes(text: string, at: number): number {
  const sign = text[at];
  if (sign === 'Z' || sign === 'z') return text.length === at + 1 ? 0 : NaN;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':') return NaN;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * Reads an RFC 3339 time with a zone, cut (not rounded) to microseconds.
 *
 * @returns undefined for everything else: no zone, a leap second, 24:00, a day that the month has not, or a time that
 *   lies outside the years 1 to 9999 in UTC (PostgreSQL would take it for a year before Christ).
 */
export function parseTime(text: string): AnyMicros | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const separators = text[4] === '-' && text[7] === '-' && text[13] === ':' && text[16] === ':';
  if (!separators || (text[10] !== 'T' && text[10] !== 't')) return undefined;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;

  let at = 19;
  let fraction = 0;
  if (text[at] === '.') {
    let unit = 100_000;
    const first = ++at;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      fraction += digit * unit;
      unit = Math.floor(unit / 10);
    }
    if (at === first) return undefined;
  }
  const zone = zoneMinutes(text, at);
  const seconds = dayNumber(year, month, day) * SECONDS_PER_DAY + (hour * 60 + minute - zone) * 60 + second;
  if (!(seconds >= YEAR_1 && seconds < YEAR_10000)) return undefined;
  const time = seconds * 1_000_000 + fraction;
  return Number.isSafeInteger(time) ? time : BigInt(seconds) * 1_000_000n + BigInt(fraction);
}

/** A time as PostgreSQL and people read it: `2024-01-01T00:00:00.000000Z`. */
export function formatTime(time: AnyMicros): string {
  const micros = BigInt(time);
  const rest = ((micros % 1_000n) + 1_000n) % 1_000n;
  const millis = new Date(Number((micros - rest) / 1_000n)).toISOString();
  return `${millis.slice(0, 23)}${String(rest).padStart(3, '0')}Z`;
}

/** The day of a time, counted from 1970-01-01. */
export function dayOf(time: Micros): number {
  return Math.floor(time / MICROS_PER_DAY);
}

/** The clock of this process. */
export function now(): Micros {
  return Date.now() * 1000;
}
