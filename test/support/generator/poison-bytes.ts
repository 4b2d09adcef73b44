/** What makes the text of a good event into bytes that are no JSON document. All are refused as `malformed`. */
export const BYTES: [label: string, spoil: (text: string) => Buffer][] = [
  ['empty', () => Buffer.alloc(0)],
  ['blank', () => Buffer.from(' \n\t ')],
  ['only a byte-order mark', () => Buffer.from([0xef, 0xbb, 0xbf])],
  ['plain text', () => Buffer.from('it works on my machine')],
  ['truncated', (text) => Buffer.from(text.slice(0, text.length >> 1))],
  ['without its last brace', (text) => Buffer.from(text.slice(0, -1))],
  ['single quotes', (text) => Buffer.from(text.replaceAll('"', "'"))],
  ['trailing comma', (text) => Buffer.from(`${text.slice(0, -1)},}`)],
  ['comment', (text) => Buffer.from(`/* v2 */ ${text}`)],
  ['NaN', (text) => Buffer.from(`${text.slice(0, -1)},"score":NaN}`)],
  ['leading zero', (text) => Buffer.from(`${text.slice(0, -1)},"score":007}`)],
  ['raw newline in a string', (text) => Buffer.from(`${text.slice(0, -1)},"note":"a\nb"}`)],
  ['raw NUL', (text) => Buffer.from(`${text.slice(0, -1)},"note":"a\0b"}`)],
  ['second document', (text) => Buffer.from(`${text}\n${text}`)],
  ['trailing garbage', (text) => Buffer.from(`${text}x`)],
  ['invalid UTF-8', (text) => insert(text, [0xff])],
  ['cut UTF-8 sequence', (text) => insert(text, [0xe2, 0x82])],
  ['overlong UTF-8', (text) => insert(text, [0xc0, 0xaf])],
  ['surrogate in UTF-8', (text) => insert(text, [0xed, 0xa0, 0x80])],
  ['latin-1', (text) => insert(text, [0x63, 0x61, 0x66, 0xe9])],
  ['UTF-16', (text) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
  [
    'compressed',
    () => Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56, 0x4a, 0x2d]),
  ],
  ['schema registry header', (text) => Buffer.concat([Buffer.from([0, 0, 0, 0, 42]), Buffer.from(text)])],
];

/** What is JSON, but too deep for whoever follows it down. Refused as `invalid`. */
export const DEPTHS: [label: string, spoil: (text: string) => Buffer][] = [
  ['nested 100 deep', (text) => nested(text, 100)],
  ['nested 100,000 deep', (text) => nested(text, 100_000)],
];

/** Adds an unknown field whose text consists of these bytes. */
function insert(text: string, bytes: number[]): Buffer {
  return Buffer.concat([Buffer.from(`${text.slice(0, -1)},"note":"`), Buffer.from(bytes), Buffer.from('"}')]);
}

function nested(text: string, depth: number): Buffer {
  return Buffer.from(`${text.slice(0, -1)},"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`);
}
