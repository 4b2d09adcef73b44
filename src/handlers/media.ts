import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Amount, Id, Maybe, OneOf, Seconds, Text, Time } from '../event/fields.js';
import { table } from '../tables/table.js';
import { users } from './users.js';
import { Visibility } from './visibility.js';

const MEDIA = ['image', 'video'] as const;

export const stories = table('stories', {
  key: ['story_id'],
  created: 'created_at',
  distributeBy: 'author_id',
  columns: {
    story_id: Column.text(),
    author_id: Column.text().references(users),
    content_type: Column.text(),
    media_url: Column.text(),
    caption: Column.text().orNull(),
    expires_at: Column.time(),
    created_at: Column.time(),
  },
  indexes: ['stories_author', 'stories_expires'],
  checks: { content_type: `content_type IN ('${MEDIA.join("','")}')` },
});

export const videos = table('videos', {
  key: ['video_id'],
  created: 'created_at',
  distributeBy: 'author_id',
  columns: {
    video_id: Column.text(),
    author_id: Column.text().references(users),
    title: Column.text(),
    description: Column.text().orNull(),
    video_url: Column.text(),
    thumbnail_url: Column.text().orNull(),
    duration_seconds: Column.integer(),
    visibility: Column.text(),
    price: Column.money().orNull(),
    created_at: Column.time(),
  },
  indexes: ['videos_author'],
  checks: { duration_seconds: 'duration_seconds >= 0', price: 'price >= 0' },
});

const authorId = 'user-1700000000000-a1b2c3d';

export const storyCreated = event('content.story.created', {
  about: 'Someone published a story that expires.',
  key: 'storyId',
  data: Type.Object({
    storyId: Id,
    authorId: Id,
    contentType: OneOf(MEDIA),
    mediaUrl: Text,
    caption: Maybe(Text),
    expiresAt: Time,
  }),
  example: {
    storyId: 'story-1700000000002-k3j2h1g',
    authorId,
    contentType: 'image',
    mediaUrl: 'https://cdn.example.org/s/1.jpg',
    caption: 'Backstage',
    expiresAt: '2024-01-02T00:00:00.000Z',
  },
  write: (d, e) =>
    stories.insert({
      story_id: d.storyId,
      author_id: d.authorId,
      content_type: d.contentType,
      media_url: d.mediaUrl,
      caption: d.caption,
      expires_at: d.expiresAt,
      created_at: e.timestamp,
    }),
});

export const videoCreated = event('content.video.created', {
  about: 'Someone published a video.',
  key: 'videoId',
  data: Type.Object({
    videoId: Id,
    authorId: Id,
    title: Text,
    description: Maybe(Text),
    videoUrl: Text,
    thumbnailUrl: Maybe(Text),
    duration: Seconds,
    visibility: Visibility,
    price: Maybe(Amount),
  }),
  example: {
    videoId: 'c8a1f8f2-93b6-4d5a-8e0b-7a6f5e4d3c2b',
    authorId,
    title: 'Making of',
    videoUrl: 'https://cdn.example.org/v/1.mp4',
    duration: 312,
    visibility: 'subscribers',
    price: 9.5,
  },
  write: (d, e) =>
    videos.insert({
      video_id: d.videoId,
      author_id: d.authorId,
      title: d.title,
      description: d.description,
      video_url: d.videoUrl,
      thumbnail_url: d.thumbnailUrl,
      duration_seconds: d.duration,
      visibility: d.visibility,
      price: d.price,
      created_at: e.timestamp,
    }),
});
