import type { Header } from '../event/message.js';

/** jsonb cannot hold U+0000, which a header's name may. */
function escapeNul(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('\0', '%00');
}

function unescapeNul(name: string): string {
  return name.replace(/%(00|25)/g, (_, code) => (code === '00' ? '\0' : '%'));
}

/** Headers as jsonb holds them: `[[name, base64 or null], …]` in their order. Texts count as their UTF-8 bytes. */
export function storedHeaders(
  headers: readonly (readonly [name: string, value: Buffer | string | null])[],
): [name: string, base64: string | null][] {
  const base64 = (value: Buffer | string) =>
    (typeof value === 'string' ? Buffer.from(value) : value).toString('base64');
  return headers.map(([name, value]) => [escapeNul(name), value === null ? null : base64(value)]);
}

/** Headers out of jsonb, as `storedHeaders` made them. */
export function readHeaders(stored: unknown): Header[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((header: unknown): Header[] => {
    if (!Array.isArray(header)) return [];
    const [name, value] = header as unknown[];
    return [[unescapeNul(String(name)), typeof value === 'string' ? Buffer.from(value, 'base64') : null]];
  });
}
