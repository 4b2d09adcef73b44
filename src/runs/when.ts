import { EXIT, UserError } from '../errors.js';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGE = /^(\d{1,6})(s|m|h|d|w)$/;
/** A date alone is its first moment in UTC; a time of day needs its zone, or nobody knows which was meant. */
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/i;

function isDay(year: number, month: number, day: number): boolean {
  // Date.parse takes the 31st of June for the 1st of July.
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function timeOf(text: string): number | undefined {
  const parts = TIME.exec(text);
  if (!parts) return undefined;
  const [, year, month, day] = parts.map(Number);
  if (!isDay(year ?? 0, month ?? 0, day ?? 0)) return undefined;
  const time = Date.parse(text.toUpperCase());
  return Number.isNaN(time) ? undefined : time;
}

/**
 * Reads a time as people type it: ISO 8601 (`2024-05-01`, `2024-05-01T10:00Z`, `2024-05-01T12:00:30+02:00`), or an age
 * (`90s`, `30m`, `2h`, `7d`, `1w`).
 *
 * @param now milliseconds since 1970
 * @returns milliseconds since 1970
 * @throws UserError for anything else, and for times that are still to come
 */
export function parseWhen(text: string, now = Date.now()): number {
  const age = AGE.exec(text);
  const time = age ? now - Number(age[1]) * (UNITS[age[2] ?? ''] ?? NaN) : timeOf(text);
  if (time === undefined) {
    const zoneless = timeOf(`${text}Z`) === undefined ? '' : ` It has no zone: "${text}Z" is UTC.`;
    throw new UserError(
      `"${text}" is no time.${zoneless} Expected ISO 8601 with a zone, such as 2024-05-01T10:00:00Z, or an age such as 30m, 2h, 7d.`,
      EXIT.usage,
    );
  }
  if (time > now) {
    throw new UserError(
      `${text} is still to come: it is ${new Date(now).toISOString()} now. Give a time that has passed.`,
      EXIT.usage,
    );
  }
  return time;
}
