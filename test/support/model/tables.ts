/** A row by its database column names. */
export type Row = Record<string, unknown>;

/**
 * The columns of the eighteen tables, with what a column holds that no event of its row has set: null, where nothing else is
 * given. The guard columns, which are the writer's own affair, are left out.
 */
export const TABLES: Record<string, Row> = {
  users: columns(
    'user_id username email role user_type display_name bio avatar_url city country email_verified created_at deleted_at',
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
    'transaction_id user_id type amount currency refund_reason refunded_at stripe_payment_id stripe_refund_id ' +
      'related_entity_type related_entity_id metadata completed_at',
    { status: 'completed', refunded_amount: '0.00' },
  ),
  tips: columns('tip_id transaction_id sender_id recipient_id post_id amount currency message created_at'),
  wallets: columns('user_id balance pending_balance total_earnings total_withdrawn currency updated_at'),
  withdrawals: columns(
    'withdrawal_id user_id amount currency payout_method payout_details requested_at processed_at', //
    { status: 'pending' },
  ),
  subscriptions: columns(
    'subscription_id user_id creator_id tier_id status price currency current_period_start current_period_end ' +
      'canceled_at expired_at created_at',
  ),
  skills: columns('skill_id category name name_en name_zh_tw icon sort_order is_active created_at'),
  user_skills: columns('user_id skill_id proficiency_level is_highlight active changed_at'),
  notifications: columns('notification_id user_id type title body data created_at read_at'),
  conversations: columns(
    'conversation_id participant_a participant_b last_message_at created_at', //
    { message_count: 0 },
  ),
  messages: columns('message_id conversation_id sender_id recipient_id content attachments created_at read_at'),
};

/** Each counter equals the rows of another table whose column names the counting row. */
export const COUNTERS = [
  { table: 'posts', column: 'like_count', rows: 'post_likes', by: 'post_id' },
  { table: 'posts', column: 'comment_count', rows: 'comments', by: 'post_id' },
  { table: 'conversations', column: 'message_count', rows: 'messages', by: 'conversation_id' },
] as const;

function columns(names: string, others: Row = {}): Row {
  return { ...Object.fromEntries(names.split(' ').map((name) => [name, null])), ...others };
}
