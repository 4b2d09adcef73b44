import { expect } from 'chai';
import fc from 'fast-check';
import { decimal } from '../../src/event/money.js';

/**
 * The same by integers of any size: the shortest decimal text of the number as digits × 10^scale, rounded half away from
 * zero to hundredths. Undefined where that is 1e12 or more.
 */
function reference(value: number): string | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const shift = BigInt(exponent) - BigInt(fraction.length) + 2n;
  const digits = BigInt(whole + fraction);
  // Digits that do not count any more are cut in one division, with half of the divisor added first.
  const hundredths = shift >= 0n ? digits * 10n ** shift : (digits + 10n ** -shift / 2n) / 10n ** -shift;
  if (hundredths >= 10n ** 14n) return undefined;
  const text = `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}`;
  return hundredths > 0n ? sign + text : text;
}

describe('money', () => {
  const amounts: [value: number, text: string | undefined][] = [
    [0, '0.00'],
    [-0, '0.00'],
    [0.004, '0.00'],
    [0.005, '0.01'],
    [0.0049999999999999, '0.00'],
    [0.1 + 0.2, '0.30'],
    [1.005, '1.01'],
    [-1.005, '-1.01'],
    [-0.004, '0.00'],
    [-0.005, '-0.01'],
    [1.115, '1.12'],
    [2.675, '2.68'],
    [9.995, '10.00'],
    [99.999, '100.00'],
    [1e-7, '0.00'],
    [4.9e-3, '0.00'],
    [5e-324, '0.00'],
    [150, '150.00'],
    [12.5, '12.50'],
    [999_999_999_999, '999999999999.00'],
    [999_999_999_999.99, '999999999999.99'],
    [999_999_999_999.994, '999999999999.99'],
    [999_999_999_999.995, undefined],
    [-999_999_999_999.99, '-999999999999.99'],
    [-999_999_999_999.995, undefined],
    [1e12, undefined],
    [-1e12, undefined],
    [1e21, undefined],
    [Number.MAX_VALUE, undefined],
    [Infinity, undefined],
    [-Infinity, undefined],
    [NaN, undefined],
  ];
  for (const [value, text] of amounts) {
    it(`${Object.is(value, -0) ? '-0' : value} is ${text ?? 'refused'}`, () => {
      expect(decimal(value)).to.equal(text);
    });
  }

  const near = fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom(0, 4, 5, 6, 9)).map(([cents, mill]) => Number(`${cents}${mill}`) / 1000); // prettier-ignore
  const huge = fc.double({ min: 999_999_999_999, max: 1_000_000_000_001, noNaN: true });
  const any = fc.double();
  const small = fc.double({ min: -1e12, max: 1e12, noNaN: true });
  for (const [what, numbers] of Object.entries({
    'half a cent': near,
    'the limit': huge,
    'all numbers': any,
    'all amounts': small,
  })) {
    it(`agrees with exact arithmetic around ${what}`, () => {
      fc.assert(
        fc.property(numbers, (value) => {
          expect(decimal(value), String(value)).to.equal(reference(value));
        }),
        { numRuns: 2_000 },
      );
    });
  }
});
