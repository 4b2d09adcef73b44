import { expect } from 'chai';
import fc from 'fast-check';

/** Whatever steers a terminal; what a command prints for people holds nothing of it but newlines. */
// eslint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** What begins a line only where a hostile text broke one. */
const FORGED = 'forged-line';

const SINGLE = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...['\u061c', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b'],
  ...['\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
];

const SEQUENCES = [
  ...['\u001b[2J', '\u001b[31m', '\u001b[8m', '\u009b2J', '\u001b]52;c;YQ==\u0007', '\u001b]8;;http://x\u001b\\'],
  ...[`\n${FORGED}`, `\r\n${FORGED}`, `\u2028${FORGED}`, "'", '$(x)', '\\', '"', 'é', '😀', '%s'],
];

/** Texts that try to steer a terminal. */
export const hostile: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...SINGLE), fc.constantFrom(...SEQUENCES), fc.string({ maxLength: 5 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

/** @throws AssertionError for what a terminal would obey */
export function expectHarmless(text: string, what = 'what is printed'): void {
  const found = STEERS.exec(text);
  const around = found && JSON.stringify(text.slice(Math.max(0, found.index - 40), found.index + 40));
  expect(around, `${what} steers the terminal`).to.equal(null);
  expect(text, `${what} has a line that was forged`).not.to.match(new RegExp(`^${FORGED}`, 'm'));
}
