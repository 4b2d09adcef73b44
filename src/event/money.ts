/** An amount of money as `numeric(14,2)` takes it: digits, a point and two digits; `-` before it where negative. */
export type Decimal = string;

const LIMIT_CENTS = 1e14;

/** Whole cents of a non-negative number, rounded half up from its shortest decimal text: 1.005 is 101, not 100. */
function cents(value: number): number {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const point = whole.length + Number(exponent) + 2; // digits of `all` that stand before half a cent
  if (point < 0) return 0;
  const kept = Number(all.slice(0, point).padEnd(point, '0') || '0');
  return kept + (all.charCodeAt(point) >= 53 ? 1 : 0);
}

/**
 * Rounds a JSON number to two digits, half away from zero.
 *
 * @returns the decimal text, or undefined where the number is not finite or its absolute value reaches 1e12 when rounded.
 */
export function decimal(value: number): Decimal | undefined {
  if (!(Math.abs(value) < 1e12)) return undefined;
  if (Number.isInteger(value)) return `${value === 0 ? 0 : value}.00`;
  const amount = cents(Math.abs(value));
  if (amount >= LIMIT_CENTS) return undefined;
  const text = String(amount).padStart(3, '0');
  return `${value < 0 && amount > 0 ? '-' : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
}
