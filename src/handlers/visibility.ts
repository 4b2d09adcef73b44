import { OneOf } from '../event/fields.js';

/** Who may see a post or a video, as tables hold it. */
export const VISIBILITIES = ['public', 'subscribers', 'tier_specific', 'ppv', 'hidden'] as const;

/** The same in events, which have two older spellings. */
export const Visibility = OneOf(VISIBILITIES, { subscribers_only: 'subscribers', paid: 'ppv' });
