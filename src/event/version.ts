import type { Micros } from './time.js';

/**
 * What decides that a later change beats an earlier one: the event's time in 16 digits, then its id. Compared in code
 * point order, here and in PostgreSQL (`COLLATE "C"`), so that equal times fall to the greater event id.
 */
export type Version = string;

/** The version of a change. Times of events are never before the year 2000, so 16 digits always suffice and are positive. */
export function versionOf(time: Micros, eventId: string): Version {
  return String(time).padStart(16, '0') + eventId;
}

/** Moves UTF-16 surrogates above the rest of the plane, which makes code units compare as code points do. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Compares two texts in code point order (JavaScript's `<` compares UTF-16 units). Negative, zero or positive. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}
