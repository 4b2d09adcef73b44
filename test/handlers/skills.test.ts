import { ancestorsOf } from '../support/ancestors.js';
import { envelope } from '../support/envelopes.js';
import { platform } from '../support/given.js';

const skill = (second: number, more: Record<string, unknown> = {}) =>
  envelope('skill.created', { skillId: 'k', category: 'talent', name: 'Photography', ...more }, { second });
const updated = (updates: Record<string, unknown>, second: number) =>
  envelope('skill.updated', { skillId: 'k', updates }, { second });
const added = (second: number, more: Record<string, unknown> = {}) =>
  envelope('skill.user.added', { userId: 'ann', skillId: 'k', ...more }, { second });
const removed = (second: number) => envelope('skill.user.removed', { userId: 'ann', skillId: 'k' }, { second });
const parents = ancestorsOf([added(1)]);

describe('the area of skills', () => {
  const { given } = platform();

  it('skill.created makes a row, whole', () =>
    given()
      .when(skill(1, { nameEn: 'Photography', nameZhTw: '攝影', icon: '📷', sortOrder: -3, isActive: false }), {
        times: 2,
      })
      .then({
        skills: [
          {
            skill_id: 'k',
            category: 'talent',
            name: 'Photography',
            name_en: 'Photography',
            name_zh_tw: '攝影',
            icon: '📷',
            sort_order: -3,
            is_active: false,
            created_at: '2024-05-01T00:00:01.000000Z',
          },
        ],
      }));

  it('skill.created may leave much out', () =>
    given()
      .when(skill(1), { times: 2 })
      .then({ skills: [{ name_en: null, name_zh_tw: null, icon: null, sort_order: 0, is_active: true }] }));

  it('skill.updated sets the columns that it names, also to false, 0 and nothing', () =>
    given(skill(1, { icon: '📷', sortOrder: 7, nameEn: 'Photography' }))
      .when(updated({ icon: null, sortOrder: 0, isActive: false, name: '', category: 'hobby' }, 2), { times: 2 })
      .then({
        skills: [{ icon: null, sort_order: 0, is_active: false, name: '', category: 'hobby', name_en: 'Photography' }],
      }));

  it('skill.updated: per column the latest holds', () =>
    given(skill(1), updated({ sortOrder: 5, name: 'five' }, 5))
      .when([updated({ sortOrder: 4, icon: 'four' }, 4), updated({ name: 'six' }, 6)], { times: 2 })
      .then({ skills: [{ sort_order: 5, icon: 'four', name: 'six' }] }));

  it('skill.created that is earlier takes back all but what was changed', () =>
    given(skill(9, { category: 'late', icon: 'late', nameEn: 'late' }), updated({ icon: 'changed' }, 2))
      .when(skill(8, { category: 'early' }), { times: 2 })
      .then({
        skills: [{ category: 'early', icon: 'changed', name_en: null, created_at: '2024-05-01T00:00:08.000000Z' }],
      }));

  it('skill.user.added makes the pair active, with its level', () =>
    given(parents)
      .when(added(3, { proficiencyLevel: 4, isHighlight: true }), { times: 2 })
      .then({
        user_skills: [
          {
            user_id: 'ann',
            skill_id: 'k',
            proficiency_level: 4,
            is_highlight: true,
            active: true,
            changed_at: '2024-05-01T00:00:03.000000Z',
          },
        ],
      }));

  it('skill.user.added again says all anew', () =>
    given(parents, added(3, { proficiencyLevel: 4, isHighlight: true }))
      .when(added(4), { times: 2 })
      .then({ user_skills: [{ proficiency_level: null, is_highlight: false, active: true }] }));

  it('skill.user.removed makes the pair inactive, without its level', () =>
    given(parents, added(3, { proficiencyLevel: 4, isHighlight: true }))
      .when(removed(4), { times: 2 })
      .then({ user_skills: [{ proficiency_level: null, is_highlight: false, active: false }] }));

  it('skill.user.removed that is older changes nothing', () =>
    given(parents, added(5, { proficiencyLevel: 1 }))
      .when(removed(4), { times: 2 })
      .then({ user_skills: [{ proficiency_level: 1, active: true }] }));
});
