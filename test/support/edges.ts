import type { Kind } from './contract.js';

/** A value that is refused: the schema keyword, and where below the field. */
type Refused = readonly [value: unknown, code: string, below?: string];

interface Edges {
  readonly accepted: readonly unknown[];
  readonly refused: readonly Refused[];
}

const FOX = '🦊';
/** What is hard to quote, to escape, to compare or to show, and no more than text all the same. */
const ODD = [`it's "quoted" \\N {a,b} NULL $1`, ' blank around ', '\u0001\u007f\u00a0\ufeff\ufffd\uffff\u{10ffff}', 'e\u0301 é', '\u202eevil', 'NULL', '\\x00', '0']; // prettier-ignore

function texts(length: number): Edges {
  return {
    accepted: ['x'.repeat(length), FOX.repeat(length), 'e\u0301'.repeat(Math.floor(length / 2)), ...ODD],
    refused: [
      ['x'.repeat(length + 1), 'maxLength'],
      [FOX.repeat(length + 1), 'maxLength'],
      // Half as many letters as people see them, but one code point too many.
      [`e\u0301`.repeat(Math.floor(length / 2) + 1), 'maxLength'],
      ...notText,
    ],
  };
}

function wrongTypes(...values: unknown[]): Refused[] {
  return values.map((value) => [value, 'type']);
}

const notText = wrongTypes(17, true, {}, ['x']);
const notNumber = wrongTypes('12.50', '', true, {}, [1]);
const money = [0.01, 12.5, 0.1 + 0.2, 1.005, 9.995, 1e2, 999_999_999_999.99, 999_999_999_999];
const tooMuch: Refused[] = [
  [1e12, 'exclusiveMaximum'],
  [999_999_999_999.995, 'exclusiveMaximum'],
  [1e21, 'exclusiveMaximum'],
  [Number.MAX_VALUE, 'exclusiveMaximum'],
];

const KINDS: Readonly<Record<Exclude<Kind, object>, Edges>> = {
  id: {
    accepted: [...texts(255).accepted, 'x', '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10', 'user-1700000000000-a1b2c3d'],
    refused: [...texts(255).refused, ['', 'minLength'], [' ', 'pattern'], [' \t\n\u00a0\u3000', 'pattern']],
  },
  short: texts(255),
  email: texts(320),
  text: { accepted: ['', 'x'.repeat(5_000), FOX, ...ODD], refused: notText },
  amount: { accepted: [0, -0, 0.004, 1e-7, ...money], refused: [[-0.01, 'minimum'], [-1e12, 'minimum'], ...tooMuch, ...notNumber] }, // prettier-ignore
  positive: {
    accepted: [0.005, ...money],
    refused: [
      [0, 'exclusiveMinimum'],
      [-0, 'exclusiveMinimum'],
      [0.004, 'exclusiveMinimum'],
      [1e-7, 'exclusiveMinimum'],
      [-1, 'exclusiveMinimum'],
      ...tooMuch,
      ...notNumber,
    ],
  },
  balance: {
    accepted: [0, -0, 0.004, -0.004, -0.005, -1.005, ...money, ...money.map((amount) => -amount)],
    refused: [...tooMuch, ...notNumber],
  },
  currency: {
    accepted: ['USD', 'twd', 'Eur'],
    refused: [['', 'pattern'], ['US', 'pattern'], ['DOLLARS', 'pattern'], ['U1D', 'pattern'], ['ＵＳＤ', 'pattern'], ['US ', 'pattern'], ['USD\n', 'pattern'], ...notText], // prettier-ignore
  },
  flag: { accepted: [true, false], refused: wrongTypes('true', 1, 0, {}, []) },
  seconds: {
    accepted: [0, 1, 2_147_483_647],
    refused: [[-1, 'minimum'], [2_147_483_648, 'maximum'], ...wrongTypes(1.5, '12', true, [])],
  },
  integer: {
    accepted: [0, -1, 2_147_483_647, -2_147_483_648],
    refused: [[2_147_483_648, 'maximum'], [-2_147_483_649, 'minimum'], ...wrongTypes(1.5, '1', false, {})],
  },
  level: { accepted: [1, 5], refused: [[0, 'minimum'], [6, 'maximum'], [-1, 'minimum'], ...wrongTypes(2.5, '3', true)] }, // prettier-ignore
  time: {
    accepted: [
      '2030-01-01T00:00:00Z',
      '1970-01-01T00:00:00.000001Z',
      '1969-12-31T23:59:59.9999999Z',
      '1900-02-28T12:00:00-11:59',
      '2030-06-01t12:00:00.123456789+05:30',
      '2024-02-29T23:59:59.999999z',
      '2199-12-31T23:59:59.123457Z',
    ],
    refused: [
      ['', 'format'],
      ['soon', 'format'],
      ['2030-01-01', 'format'],
      ['2030-01-01T00:00:00', 'format'],
      ['2030-01-01T24:00:00Z', 'format'],
      ['2016-12-31T23:59:60Z', 'format'],
      ['2023-02-29T00:00:00Z', 'format'],
      ...wrongTypes(1_704_067_200_000, true, {}, []),
    ],
  },
  texts: {
    accepted: [[], [''], ['a', 'b', 'a'], ODD, [FOX.repeat(300)]],
    refused: [...wrongTypes('https://example.org', 17, {}), [['a', 1], 'type', '/1'], [[null], 'type', '/0'], [[['a']], 'type', '/0']], // prettier-ignore
  },
  json: {
    accepted: [{}, { a: null, b: [1, 'x', { c: false }], '': 0.5, [FOX]: ODD }, { zero: 0, big: 1e300, small: -1e-7 }],
    refused: wrongTypes('{}', 17, [], [{}], true),
  },
  attachments: {
    accepted: [
      [],
      [{ id: 'a', type: 'image', url: 'u' }],
      [
        { id: '', type: '', url: '', thumbnailUrl: null },
        { id: FOX, type: 'x', url: 'u', thumbnailUrl: 't', size: 17 },
      ],
    ],
    refused: [
      ...wrongTypes({}, 'x', 1),
      [[1], 'type', '/0'],
      [[{ id: 'a', type: 'b' }], 'required', '/0/url'],
      [
        [
          { id: 'a', type: 'b', url: 'u' },
          { type: 'b', url: 'u' },
        ],
        'required',
        '/1/id',
      ],
      [[{ id: 'a', url: 'u' }], 'required', '/0/type'],
      [[{ id: 'a', type: 'b', url: 1 }], 'type', '/0/url'],
      [[{ id: 'a', type: 'b', url: 'u', thumbnailUrl: 1 }], 'type', '/0/thumbnailUrl'],
    ],
  },
};

function otherCase(text: string): string {
  return Array.from(text, (letter, i) => (i % 2 === 0 ? letter.toUpperCase() : letter.toLowerCase())).join('');
}

/** Values at the edges of a kind of field, on both sides. */
export function edgesOf(kind: Kind): Edges {
  if (typeof kind === 'string') return KINDS[kind];
  const spellings = [...kind.values, ...Object.keys(kind.aliases)];
  const cases = spellings.flatMap((value) => [value, value.toLowerCase(), value.toUpperCase(), otherCase(value)]);
  return {
    accepted: [...new Set(cases)],
    refused: [['', 'enum'], ['king', 'enum'], [` ${kind.values[0] ?? ''}`, 'enum'], ['constructor', 'enum'], ['__proto__', 'enum'], ...notText], // prettier-ignore
  };
}

/** How an enum's value is stored, by the contract: in one of the given forms. */
export function storedEnum(kind: Exclude<Kind, string>, given: string): string | undefined {
  const lower = given.toLowerCase();
  const alias = Object.entries(kind.aliases).find(([name]) => name.toLowerCase() === lower)?.[1];
  return alias ?? kind.values.find((value) => value.toLowerCase() === lower);
}
