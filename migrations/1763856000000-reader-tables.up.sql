-- The tables that readers see. Names, types, constraints and indexes are fixed from outside; the columns that end in _v,
-- `version` and `named_at` are the writer's: they decide which of several events a column follows (16 digits of the
-- event's microseconds, then its id, compared in code point order).

CREATE TABLE public.users (
  user_id        text PRIMARY KEY CHECK (length(user_id) BETWEEN 1 AND 255),
  username       text NOT NULL,
  email          text NOT NULL,
  role           text NOT NULL CHECK (role IN ('subscriber','creator','admin','super_admin')),
  user_type      text CHECK (user_type IN ('sugar_baby','sugar_daddy')),
  display_name   text,
  bio            text,
  avatar_url     text,
  city           text,
  country        text,
  email_verified boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL,
  deleted_at     timestamptz,
  display_name_v text COLLATE "C",
  bio_v text COLLATE "C",
  avatar_url_v text COLLATE "C",
  city_v text COLLATE "C",
  country_v text COLLATE "C"
);
CREATE INDEX users_email    ON public.users (lower(email));
CREATE INDEX users_username ON public.users (lower(username));
CREATE INDEX users_created ON public.users (created_at DESC);
CREATE INDEX users_role    ON public.users (role);

CREATE TABLE public.follows (
  follower_id text NOT NULL REFERENCES public.users, followed_id text NOT NULL REFERENCES public.users,
  active boolean NOT NULL, changed_at timestamptz NOT NULL,
  PRIMARY KEY (follower_id, followed_id), CHECK (follower_id <> followed_id),
  version text COLLATE "C" NOT NULL
);
CREATE INDEX follows_followers ON public.follows (followed_id, changed_at DESC) WHERE active;
CREATE INDEX follows_following ON public.follows (follower_id, changed_at DESC) WHERE active;

CREATE TABLE public.blocks (
  blocker_id text NOT NULL REFERENCES public.users, blocked_id text NOT NULL REFERENCES public.users,
  active boolean NOT NULL, changed_at timestamptz NOT NULL,
  PRIMARY KEY (blocker_id, blocked_id), CHECK (blocker_id <> blocked_id),
  version text COLLATE "C" NOT NULL
);
CREATE INDEX blocks_blocked ON public.blocks (blocked_id) WHERE active;

CREATE TABLE public.posts (
  post_id          text PRIMARY KEY CHECK (length(post_id) BETWEEN 1 AND 255),
  author_id        text NOT NULL REFERENCES public.users,
  content          text NOT NULL,
  media_urls       jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(media_urls) = 'array'),
  visibility       text NOT NULL DEFAULT 'public' CHECK (visibility IN ('public','subscribers','tier_specific','ppv','hidden')),
  content_type     text,
  price            numeric(14,2) CHECK (price >= 0),
  required_tier_id text,
  tags             jsonb,
  like_count       integer NOT NULL DEFAULT 0 CHECK (like_count >= 0),
  comment_count    integer NOT NULL DEFAULT 0 CHECK (comment_count >= 0),
  created_at       timestamptz NOT NULL,
  deleted_at       timestamptz,
  content_v text COLLATE "C",
  media_urls_v text COLLATE "C",
  visibility_v text COLLATE "C",
  price_v text COLLATE "C",
  required_tier_id_v text COLLATE "C"
);
CREATE INDEX posts_author ON public.posts (author_id, created_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX posts_feed   ON public.posts (created_at DESC) WHERE visibility = 'public' AND deleted_at IS NULL;

CREATE TABLE public.post_likes (
  post_id text NOT NULL REFERENCES public.posts, user_id text NOT NULL REFERENCES public.users, created_at timestamptz NOT NULL,
  PRIMARY KEY (post_id, user_id)
);
CREATE INDEX post_likes_user ON public.post_likes (user_id, created_at DESC);

CREATE TABLE public.comments (
  comment_id        text PRIMARY KEY CHECK (length(comment_id) BETWEEN 1 AND 255),
  post_id           text NOT NULL REFERENCES public.posts,
  user_id           text NOT NULL REFERENCES public.users,
  parent_comment_id text REFERENCES public.comments,
  content           text NOT NULL,
  created_at        timestamptz NOT NULL
);
CREATE INDEX comments_post   ON public.comments (post_id, created_at);
CREATE INDEX comments_parent ON public.comments (parent_comment_id, created_at) WHERE parent_comment_id IS NOT NULL;
CREATE INDEX comments_user   ON public.comments (user_id);

CREATE TABLE public.stories (
  story_id text PRIMARY KEY, author_id text NOT NULL REFERENCES public.users, content_type text NOT NULL CHECK (content_type IN ('image','video')),
  media_url text NOT NULL, caption text, expires_at timestamptz NOT NULL, created_at timestamptz NOT NULL
);
CREATE INDEX stories_author  ON public.stories (author_id, created_at DESC);
CREATE INDEX stories_expires ON public.stories (expires_at);

CREATE TABLE public.videos (
  video_id text PRIMARY KEY, author_id text NOT NULL REFERENCES public.users, title text NOT NULL, description text, video_url text NOT NULL,
  thumbnail_url text, duration_seconds integer NOT NULL CHECK (duration_seconds >= 0), visibility text NOT NULL, price numeric(14,2) CHECK (price >= 0),
  created_at timestamptz NOT NULL
);
CREATE INDEX videos_author ON public.videos (author_id, created_at DESC);

CREATE TABLE public.transactions (
  transaction_id      text PRIMARY KEY,
  user_id             text NOT NULL REFERENCES public.users,
  type                text NOT NULL CHECK (type IN ('TIP','PURCHASE','SUBSCRIPTION')),
  amount              numeric(14,2) NOT NULL CHECK (amount >= 0),
  currency            char(3) NOT NULL DEFAULT 'USD',
  status              text NOT NULL DEFAULT 'completed' CHECK (status IN ('completed','refunded')),
  refunded_amount     numeric(14,2) NOT NULL DEFAULT 0 CHECK (refunded_amount >= 0),
  refund_reason       text,
  refunded_at         timestamptz,
  stripe_payment_id   text,
  stripe_refund_id    text,
  related_entity_type text,
  related_entity_id   text,
  metadata            jsonb,
  completed_at        timestamptz NOT NULL,
  refund_v text COLLATE "C",
  refund_reason_v text COLLATE "C",
  stripe_refund_id_v text COLLATE "C"
);
CREATE INDEX transactions_user    ON public.transactions (user_id, completed_at DESC);
CREATE INDEX transactions_time    ON public.transactions (completed_at, status);
CREATE INDEX transactions_type    ON public.transactions (type, completed_at DESC);
CREATE INDEX transactions_related ON public.transactions (related_entity_type, related_entity_id) WHERE related_entity_id IS NOT NULL;
CREATE INDEX transactions_stripe  ON public.transactions (stripe_payment_id) WHERE stripe_payment_id IS NOT NULL;

CREATE TABLE public.tips (
  tip_id text PRIMARY KEY, transaction_id text, sender_id text NOT NULL REFERENCES public.users, recipient_id text NOT NULL REFERENCES public.users,
  post_id text, amount numeric(14,2) NOT NULL CHECK (amount > 0), currency char(3) NOT NULL DEFAULT 'USD', message text, created_at timestamptz NOT NULL
);
CREATE INDEX tips_sender ON public.tips (sender_id, created_at DESC);
CREATE INDEX tips_recipient ON public.tips (recipient_id, created_at DESC);
CREATE INDEX tips_tx ON public.tips (transaction_id) WHERE transaction_id IS NOT NULL;

CREATE TABLE public.wallets (
  user_id text PRIMARY KEY REFERENCES public.users, balance numeric(14,2) NOT NULL, pending_balance numeric(14,2) NOT NULL DEFAULT 0,
  total_earnings numeric(14,2) NOT NULL DEFAULT 0, total_withdrawn numeric(14,2) NOT NULL DEFAULT 0, currency char(3) NOT NULL DEFAULT 'USD',
  updated_at timestamptz NOT NULL,
  version text COLLATE "C" NOT NULL
);

CREATE TABLE public.withdrawals (
  withdrawal_id text PRIMARY KEY, user_id text NOT NULL REFERENCES public.users, amount numeric(14,2) NOT NULL CHECK (amount > 0), currency char(3) NOT NULL DEFAULT 'USD',
  payout_method text NOT NULL CHECK (payout_method IN ('bank_transfer','stripe_payout')), payout_details text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','processing','completed','rejected')), requested_at timestamptz NOT NULL, processed_at timestamptz
);
CREATE INDEX withdrawals_user ON public.withdrawals (user_id, requested_at DESC);
CREATE INDEX withdrawals_open ON public.withdrawals (requested_at) WHERE status IN ('pending','processing');

CREATE TABLE public.subscriptions (
  subscription_id text PRIMARY KEY, user_id text NOT NULL REFERENCES public.users, creator_id text REFERENCES public.users, tier_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('trialing','active','past_due','unpaid','canceled','expired')),
  price numeric(14,2) CHECK (price >= 0), currency char(3) DEFAULT 'USD',
  current_period_start timestamptz, current_period_end timestamptz, canceled_at timestamptz, expired_at timestamptz,
  created_at timestamptz NOT NULL,
  status_v text COLLATE "C",
  current_period_start_v text COLLATE "C",
  current_period_end_v text COLLATE "C"
);
CREATE INDEX subscriptions_user    ON public.subscriptions (user_id, status);
CREATE INDEX subscriptions_creator ON public.subscriptions (creator_id, status);
CREATE INDEX subscriptions_tier    ON public.subscriptions (tier_id) WHERE status = 'active';
CREATE INDEX subscriptions_due     ON public.subscriptions (current_period_end) WHERE status = 'active';
CREATE INDEX subscriptions_list    ON public.subscriptions (status, created_at DESC);

CREATE TABLE public.skills (
  skill_id text PRIMARY KEY, category text NOT NULL, name text NOT NULL, name_en text, name_zh_tw text, icon text, sort_order integer NOT NULL DEFAULT 0,
  is_active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL,
  category_v text COLLATE "C",
  name_v text COLLATE "C",
  name_en_v text COLLATE "C",
  name_zh_tw_v text COLLATE "C",
  icon_v text COLLATE "C",
  sort_order_v text COLLATE "C",
  is_active_v text COLLATE "C"
);
CREATE INDEX skills_list ON public.skills (category, sort_order) WHERE is_active;

CREATE TABLE public.user_skills (
  user_id text NOT NULL REFERENCES public.users, skill_id text NOT NULL REFERENCES public.skills, proficiency_level smallint CHECK (proficiency_level BETWEEN 1 AND 5),
  is_highlight boolean NOT NULL DEFAULT false, active boolean NOT NULL, changed_at timestamptz NOT NULL, PRIMARY KEY (user_id, skill_id),
  version text COLLATE "C" NOT NULL
);
CREATE INDEX user_skills_skill ON public.user_skills (skill_id) WHERE active;

CREATE TABLE public.notifications (
  notification_id text PRIMARY KEY, user_id text NOT NULL REFERENCES public.users, type text NOT NULL, title text, body text, data jsonb,
  created_at timestamptz NOT NULL, read_at timestamptz
);
CREATE INDEX notifications_user   ON public.notifications (user_id, created_at DESC);
CREATE INDEX notifications_unread ON public.notifications (user_id) WHERE read_at IS NULL;

CREATE TABLE public.conversations (
  conversation_id text PRIMARY KEY, participant_a text NOT NULL REFERENCES public.users, participant_b text NOT NULL REFERENCES public.users,
  last_message_at timestamptz NOT NULL, message_count integer NOT NULL DEFAULT 0, created_at timestamptz NOT NULL, CHECK (participant_a < participant_b COLLATE "C"),
  named_at timestamptz NOT NULL
);
CREATE INDEX conversations_a ON public.conversations (participant_a, last_message_at DESC);
CREATE INDEX conversations_b ON public.conversations (participant_b, last_message_at DESC);

CREATE TABLE public.messages (
  message_id text PRIMARY KEY, conversation_id text NOT NULL REFERENCES public.conversations, sender_id text NOT NULL REFERENCES public.users, recipient_id text REFERENCES public.users,
  content text NOT NULL, attachments jsonb, created_at timestamptz NOT NULL, read_at timestamptz
);
CREATE INDEX messages_conversation ON public.messages (conversation_id, created_at DESC);
CREATE INDEX messages_unread ON public.messages (recipient_id) WHERE read_at IS NULL;
