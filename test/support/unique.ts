import { randomBytes } from 'node:crypto';

/** A name that no other test has: databases, topic prefixes and groups keep the files apart. */
export function unique(what: string): string {
  return `${what}_${randomBytes(6).toString('hex')}`;
}
