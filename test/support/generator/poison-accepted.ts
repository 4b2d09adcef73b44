import type { Cast } from './minimal.js';

interface Accepted {
  label: string;
  type: string;
  /** Fields to set over the least data of that type. */
  change?: (cast: Cast) => Record<string, unknown>;
  /** How the event's JSON becomes bytes, where that is the point. */
  bytes?: (text: string) => Buffer;
}

/** One code point that is two units of UTF-16 and four bytes of UTF-8. */
const EMOJI = '🦊';

/** What looks like poison and has to be accepted all the same. */
export const ACCEPTED: Accepted[] = [
  { label: 'byte-order mark', type: 'user.created', bytes: (text) => Buffer.from(`\uFEFF${text}`) },
  { label: 'surrounded by white space', type: 'user.created', bytes: (text) => Buffer.from(`\r\n\t ${text} \n`) },
  {
    label: 'pretty-printed',
    type: 'content.post.created',
    bytes: (text) => Buffer.from(JSON.stringify(JSON.parse(text), null, 4)),
  },
  {
    label: 'all escapes',
    type: 'content.post.created',
    change: () => ({ content: '日常 🦊 ok' }),
    bytes: (text) =>
      Buffer.from(text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)),
  },
  {
    label: 'duplicate keys, the last wins',
    type: 'content.post.created',
    bytes: (text) => Buffer.from(text.replace('"content":', '"content":{"not":"this"},"content":')),
  },
  {
    label: 'duplicate data, the last wins',
    type: 'content.post.created',
    bytes: (text) => Buffer.from(text.replace('"data":', '"data":null,"data":')),
  },
  {
    label: '__proto__ and friends',
    type: 'user.created',
    bytes: (text) =>
      Buffer.from(
        text.replace(
          '"data":{',
          '"data":{"__proto__":{"bio":"polluted","emailVerified":true},"constructor":{"prototype":{"city":"polluted"}},"toString":1,',
        ),
      ),
  },
  {
    label: 'unknown fields',
    type: 'user.created',
    change: () => ({
      password: 'secret',
      created_at: '1970-01-01',
      deletedAt: 'never',
      deleted_at: null,
      is_admin: true,
    }),
    bytes: (text) => Buffer.from(text.replace('{', '{"version":2,"meta":{"deep":[[[[[]]]]]},')),
  },
  { label: 'repeated times', type: 'user.created', change: () => ({ createdAt: 'nonsense', updatedAt: 0 }) },
  { label: 'null for everything optional', type: 'user.created', change: () => ({ userType: null, displayName: null, bio: null, avatarUrl: null, emailVerified: null }) }, // prettier-ignore
  { label: 'null for everything optional', type: 'content.post.created', change: () => ({ contentType: null, price: null, requiredTierId: null, tags: null }) }, // prettier-ignore
  { label: 'null for everything optional', type: 'payment.completed', change: () => ({ currency: null, relatedEntityId: null, relatedEntityType: null, stripePaymentId: null, metadata: null }) }, // prettier-ignore
  { label: 'null for everything optional', type: 'skill.created', change: () => ({ nameEn: null, nameZhTw: null, icon: null, sortOrder: null, isActive: null }) }, // prettier-ignore

  {
    label: 'enum in other case',
    type: 'user.created',
    change: () => ({ role: 'SUPER_Admin', userType: 'Sugar_Baby' }),
  },
  { label: 'enum in other case', type: 'payment.completed', change: () => ({ type: 'purchase', currency: 'twd' }) },
  { label: 'enum in other case', type: 'withdrawal.requested', change: () => ({ payoutMethod: 'BANK_TRANSFER' }) },
  { label: 'SUBSCRIBERS_ONLY', type: 'content.post.created', change: () => ({ visibility: 'SUBSCRIBERS_ONLY' }) },
  { label: 'subscribers_only', type: 'content.video.created', change: () => ({ visibility: 'subscribers_only' }) },
  { label: 'PAID', type: 'content.post.created', change: () => ({ visibility: 'PAID', price: 5 }) },
  { label: 'cancelled', type: 'subscription.created', change: () => ({ status: 'cancelled' }) },

  {
    label: 'unicode stress',
    type: 'content.post.created',
    change: () => ({
      content: '👩‍👩‍👧‍👦🇹🇼 Z̷͚̈́a̶͎̅l̴̦̈g̷̣̽o̶͖͝ \u202Eevil\u202C שלום \uFEFF\uFFFD\uFFFF\u{10FFFF}\u2028\u200B\u0001\u007F',
    }),
  },
  {
    label: 'quoting stress',
    type: 'content.post.created',
    change: () => ({ content: `'; DROP TABLE users;-- "\\"\\\\ \\N \\u0000 \\x00 {a,b} ARRAY[1] $1 %s NULL \r\n\t` }),
  },
  { label: 'empty text', type: 'content.post.created', change: () => ({ content: '' }) },
  { label: 'big content', type: 'content.post.created', change: () => ({ content: '長文。'.repeat(30_000) }) },
  { label: 'emoji ids', type: 'user.created', change: ({ fresh }) => ({ userId: `${fresh('user')}-💃🏽\uFFFD` }) },
  { label: 'id of 255 emoji', type: 'content.post.created', change: ({ fresh }) => ({ postId: fresh('post').padEnd(30, '-') + EMOJI.repeat(225) }) }, // prettier-ignore
  { label: 'numeric id', type: 'skill.created', change: ({ fresh }) => ({ skillId: fresh('1'), name: '007' }) },
  { label: 'long email', type: 'user.created', change: () => ({ email: `${'m'.repeat(308)}@example.com` }) },
  { label: 'taken email', type: 'user.created' },

  { label: 'float noise', type: 'payment.completed', change: () => ({ amount: 0.1 + 0.2 }) },
  { label: 'rounded half up', type: 'payment.completed', change: () => ({ amount: 1.005 }) },
  { label: 'rounded to a cent', type: 'payment.tip.created', change: () => ({ amount: 0.005 }) },
  { label: 'a millionth', type: 'payment.completed', change: () => ({ amount: 1e-7 }) },
  { label: 'greatest amount', type: 'payment.completed', change: () => ({ amount: 999_999_999_999.99 }) },
  {
    label: 'number with exponent',
    type: 'payment.completed',
    change: () => ({ amount: 150 }),
    bytes: (text) => Buffer.from(text.replace('"amount":150', '"amount":1.5E+2')),
  },
  {
    label: 'negative zero',
    type: 'content.post.created',
    change: () => ({ price: 0 }),
    bytes: (text) => Buffer.from(text.replace('"price":0', '"price":-0.0')),
  },
  {
    label: 'nine digits of a second',
    type: 'content.story.created',
    change: () => ({ expiresAt: '2030-06-01T12:00:00.123456789+05:30' }),
    bytes: (text) => Buffer.from(text.replace(/("timestamp":"[^"]*)Z"/, '$1999Z"')),
  },
  {
    label: 'lower case time',
    type: 'content.story.created',
    change: () => ({ expiresAt: '2030-06-01t12:00:00z' }),
  },
  {
    label: 'nested 40 deep',
    type: 'notification.created',
    change: () => ({ data: { deep: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown } }),
  },
];
