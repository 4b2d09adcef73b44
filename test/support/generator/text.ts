import type { Random } from './random.js';

export const FIRST_NAMES = ['Ada', 'Bruno', 'Chiyo', '美玲', 'Dmitri', 'Élodie', 'Farid', '冠宇', 'Grace', 'Hana', 'Ines', 'Jonas', '思妤', 'Kofi', 'Lena', 'Mateo']; // prettier-ignore
export const CITIES = [['Taipei', 'TW'], ['Hsinchu', 'TW'], ['Osaka', 'JP'], ['São Paulo', 'BR'], ['Berlin', 'DE'], ['Nairobi', 'KE']] as const; // prettier-ignore
export const SKILLS = [['hobby', 'Film photography', '底片攝影'], ['talent', 'Ballroom dance', '國標舞'], ['language', 'Japanese', '日文'], ['lifestyle', 'Wine tasting', '品酒'], ['profession', 'Architect', '建築師'], ['education', 'Music school', '音樂系']] as const; // prettier-ignore

const PHRASES = ['what a morning', '今晚直播見', 'new photos are up', 'merci à tous', 'rehearsal went well', '謝謝你們', 'back from the coast', 'ask me anything', '明天繼續', 'soft light today', 'first try, be kind', 'Grüße aus Köln', '🎉 one year here', 'see you on Friday', 'late train again', '雨停了']; // prettier-ignore
const ODDITIES = [
  '"quotes" and \\backslashes\\',
  'tab\tand\nnewline',
  '${x} $1 %s {}',
  "Robert'); DROP TABLE posts;--",
  '👩‍👩‍👧 🇹🇼',
  'עברית',
  '\\N',
  '',
];

/** A few phrases in a row, now and then with what is hard to quote. */
export function prose(random: Random, phrases: number): string {
  const parts = Array.from({ length: phrases }, () => random.pick(PHRASES));
  if (random.chance(0.05)) parts.push(random.pick(ODDITIES));
  return parts.join(', ');
}
