/** How single values of an event become values of a row. Written from the contract alone, sharing nothing with the writer. */

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * An RFC 3339 time as `YYYY-MM-DDTHH:MM:SS.ffffffZ`: in UTC, cut to microseconds. All of one length, so that comparing
 * the texts compares the times.
 */
export function time(text: string): string {
  const match = RFC_3339.exec(text);
  if (!match) throw new Error(`The model takes valid events only, and this is no RFC 3339 time: ${text}`);
  const [, day = '', clock = '', fraction = '', sign, hours, minutes] = match;
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -1 : 1);
  // The fraction never meets a Date, which would round it to milliseconds; an offset is whole minutes and leaves it alone.
  const utc = new Date(Date.parse(`${day}T${clock}Z`) - offset * 60_000);
  return `${utc.toISOString().slice(0, 19)}.${fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

/**
 * A JSON number as a decimal text with two digits, rounded half away from zero from the number's shortest decimal text:
 * 1.005 is "1.01", although the double behind it is a little less.
 */
export function money(amount: number): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(amount));
  if (!match) throw new Error(`The model takes valid events only, and this is no amount: ${amount}`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  // amount = digits × 10^scale; in hundredths that is digits × 10^(scale + 2).
  const digits = BigInt(whole + fraction);
  const shift = Number(exponent) - fraction.length + 2;
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  const hundredths = shift < 0 ? (2n * digits + divisor) / (2n * divisor) : digits * 10n ** BigInt(shift);
  const text = hundredths.toString().padStart(3, '0');
  // numeric knows no negative zero.
  return `${hundredths > 0n ? sign : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** Order by code points, which is the order of UTF-8 bytes and of COLLATE "C", and not that of JavaScript's `<`. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const ALIASES: Record<string, string> = { subscribers_only: 'subscribers', paid: 'ppv', cancelled: 'canceled' };

/** An enum in the lower case form in which all but the payment types are stored. */
export function lowerEnum(text: string): string {
  const lower = text.toLowerCase();
  return ALIASES[lower] ?? lower;
}
