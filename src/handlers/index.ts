import type { EventType } from '../event/event.js';
import type { Table } from '../tables/table.js';
import * as content from './content.js';
import * as media from './media.js';
import * as messages from './messages.js';
import * as payments from './payments.js';
import * as skills from './skills.js';
import * as subscriptions from './subscriptions.js';
import * as users from './users.js';

const areas = [users, skills, content, media, payments, subscriptions, messages];
const declared = areas.flatMap((area) => Object.values<EventType | Table>(area));

function isTable(declaration: EventType | Table): declaration is Table {
  return 'columns' in declaration;
}

/** Adds a table behind the tables that it refers to. */
function place(ordered: Set<Table>, table: Table): Set<Table> {
  for (const { parent } of table.references) if (parent !== table && !ordered.has(parent)) place(ordered, parent);
  return ordered.add(table);
}

/** Every table that events write, parents before those that refer to them: the order in which rows are touched. */
export const tables: readonly Table[] = [...declared.filter(isTable).reduce(place, new Set<Table>())];

/** Every event type that is known, by its name, which is also its topic. */
export const registry: ReadonlyMap<string, EventType> = new Map(
  declared.flatMap((declaration) => (isTable(declaration) ? [] : [[declaration.type, declaration] as const])),
);
