import Type from 'typebox';
import { Column } from '../tables/column.js';
import { event } from '../event/event.js';
import { Id, Integer, Maybe, Nullable, ShortText, Text } from '../event/fields.js';
import { table } from '../tables/table.js';
import { users } from './users.js';

export const skills = table('skills', {
  key: ['skill_id'],
  created: 'created_at',
  columns: {
    skill_id: Column.text(),
    category: Column.text().changeable(),
    name: Column.text().changeable(),
    name_en: Column.text().orNull().changeable(),
    name_zh_tw: Column.text().orNull().changeable(),
    icon: Column.text().orNull().changeable(),
    sort_order: Column.integer().or(0).changeable(),
    is_active: Column.flag().or(true).changeable(),
    created_at: Column.time(),
  },
  indexes: ['skills_list'],
});

export const userSkills = table('user_skills', {
  key: ['user_id', 'skill_id'],
  distributeBy: 'user_id',
  columns: {
    user_id: Column.text().references(users),
    skill_id: Column.text().references(skills),
    proficiency_level: Column.small().orNull(),
    is_highlight: Column.flag().or(false),
    active: Column.flag(),
    changed_at: Column.time(),
  },
  indexes: ['user_skills_skill'],
  checks: { proficiency_level: 'proficiency_level BETWEEN 1 AND 5' },
});

const skillId = 'skill-1700000000008-l0k9j8h';
const userId = '0b0e7a52-6c7e-4f0e-9d8e-2f1f6d1c9a10';

export const skillCreated = event('skill.created', {
  about: 'A skill that people can have was defined.',
  key: 'skillId',
  data: Type.Object({
    skillId: Id,
    category: ShortText,
    name: Text,
    nameEn: Maybe(Text),
    nameZhTw: Maybe(Text),
    icon: Maybe(Text),
    sortOrder: Maybe(Integer),
    isActive: Maybe(Type.Boolean()),
  }),
  example: {
    skillId,
    category: 'talent',
    name: 'Photography',
    nameZhTw: '攝影',
    icon: '📷',
    sortOrder: 3,
    isActive: true,
  },
  write: (d, e) =>
    skills.insert({
      skill_id: d.skillId,
      category: d.category,
      name: d.name,
      name_en: d.nameEn,
      name_zh_tw: d.nameZhTw,
      icon: d.icon,
      sort_order: d.sortOrder,
      is_active: d.isActive,
      created_at: e.timestamp,
    }),
});

export const skillUpdated = event('skill.updated', {
  about: 'A skill was redefined; a field that is absent stays, null clears it where it may be empty.',
  key: 'skillId',
  data: Type.Object({
    skillId: Id,
    updates: Type.Object({
      name: Type.Optional(Text),
      nameEn: Type.Optional(Nullable(Text)),
      nameZhTw: Type.Optional(Nullable(Text)),
      category: Type.Optional(ShortText),
      icon: Type.Optional(Nullable(Text)),
      sortOrder: Type.Optional(Integer),
      isActive: Type.Optional(Type.Boolean()),
    }),
  }),
  example: { skillId, updates: { name: 'Portrait photography', icon: null, sortOrder: 1 } },
  write: ({ skillId, updates }) =>
    skills.set(
      { skill_id: skillId },
      {
        name: updates.name,
        name_en: updates.nameEn,
        name_zh_tw: updates.nameZhTw,
        category: updates.category,
        icon: updates.icon,
        sort_order: updates.sortOrder,
        is_active: updates.isActive,
      },
    ),
});

export const skillUserAdded = event('skill.user.added', {
  about: 'Someone says that they have a skill.',
  key: 'userId',
  data: Type.Object({
    userId: Id,
    skillId: Id,
    proficiencyLevel: Maybe(Type.Integer({ minimum: 1, maximum: 5 })),
    isHighlight: Maybe(Type.Boolean()),
  }),
  example: { userId, skillId, proficiencyLevel: 4, isHighlight: true },
  write: (d, e) =>
    userSkills.put({
      user_id: d.userId,
      skill_id: d.skillId,
      proficiency_level: d.proficiencyLevel,
      is_highlight: d.isHighlight,
      active: true,
      changed_at: e.timestamp,
    }),
});

export const skillUserRemoved = event('skill.user.removed', {
  about: 'Someone has a skill no longer; the pair keeps its row, inactive and without its level.',
  key: 'userId',
  data: Type.Object({ userId: Id, skillId: Id }),
  example: { userId, skillId },
  write: (d, e) => userSkills.put({ user_id: d.userId, skill_id: d.skillId, active: false, changed_at: e.timestamp }),
});
