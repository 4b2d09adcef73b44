/** A row by its database column names. */
export type Row = Record<string, unknown>;

/**
 * The eighteen tables: what a column holds that no event has set. Columns that every row's first event sets are null
 * here too, so that a row always has all its columns. The guard columns, which are the writer's affair, are left out.
 */
export const TABLES: Record<string, Row> = {
  users: columns(
    'user_id username email role user_type display_name bio avatar_url city country created_at deleted_at',
    {
      email_verified: false,
    },
  ),
  follows: columns('follower_id followed_id active changed_at'),
  blocks: columns('blocker_id blocked_id active changed_at'),
  posts: columns(
    'post_id author_id content media_urls visibility content_type price required_tier_id tags created_at deleted_at',
    { like_count: 0, comment_count: 0 },
  ),
  post_likes: columns('post_id user_id created_at'),
  comments: columns('comment_id post_id user_id parent_comment_id content created_at'),
  stories: columns('story_id author_id content_type media_url caption expires_at created_at'),
  videos: columns(
    'video_id author_id title description video_url thumbnail_url duration_seconds visibility price created_at',
  ),
  transactions: columns(
    'transaction_id user_id type amount refund_reason refunded_at stripe_payment_id stripe_refund_id ' +
      'related_entity_type related_entity_id metadata completed_at',
    { currency: 'USD', status: 'completed', refunded_amount: '0.00' },
  ),
  tips: columns('tip_id transaction_id sender_id recipient_id post_id amount message created_at', { currency: 'USD' }),
  wallets: columns('user_id balance updated_at', {
    pending_balance: '0.00',
    total_earnings: '0.00',
    total_withdrawn: '0.00',
    currency: 'USD',
  }),
  withdrawals: columns(
    'withdrawal_id user_id amount payout_method payout_details requested_at processed_at', //
    { currency: 'USD', status: 'pending' },
  ),
  subscriptions: columns(
    'subscription_id user_id creator_id tier_id status price current_period_start current_period_end canceled_at ' +
      'expired_at created_at',
    { currency: 'USD' },
  ),
  skills: columns('skill_id category name name_en name_zh_tw icon created_at', { sort_order: 0, is_active: true }),
  user_skills: columns('user_id skill_id proficiency_level active changed_at', { is_highlight: false }),
  notifications: columns('notification_id user_id type title body data created_at read_at'),
  conversations: columns('conversation_id participant_a participant_b last_message_at created_at', {
    message_count: 0,
  }),
  messages: columns('message_id conversation_id sender_id recipient_id content attachments created_at read_at'),
};

/** Each counter equals the rows of another table whose column names the counting row. */
export const COUNTERS = [
  { table: 'posts', column: 'like_count', rows: 'post_likes', by: 'post_id' },
  { table: 'posts', column: 'comment_count', rows: 'comments', by: 'post_id' },
  { table: 'conversations', column: 'message_count', rows: 'messages', by: 'conversation_id' },
] as const;

function columns(names: string, defaults: Row = {}): Row {
  return { ...Object.fromEntries(names.split(' ').map((name) => [name, null])), ...defaults };
}
