import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { SETTINGS } from '../../src/config.js';
import { describe, summaries } from '../../src/event/describe.js';
import { commandsDocument, commandsTable } from './commands.js';
import { errorsDocument } from './errors.js';
import { Metrics } from '../../src/health/metrics.js';
import { Tally } from '../../src/health/tally.js';
import { newborn } from '../../src/health/vitals.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A field of a schema in words: `string, 1–255 characters`, `one of …`. */
function wordsFor(schema: Readonly<Record<string, unknown>>): string {
  const alternatives = Array.isArray(schema.anyOf) ? (schema.anyOf as Record<string, unknown>[]) : [];
  const meant = alternatives.find(({ type }) => type !== 'null');
  if (meant) return `${wordsFor(meant)}, or null`;
  if (Array.isArray(schema.enum)) {
    const aliases = Object.entries((schema['x-aliases'] ?? {}) as Record<string, string>);
    const also = aliases.map(([alias, value]) => `\`${alias}\` = \`${value}\``).join(', ');
    return `one of ${schema.enum.map((value) => `\`${String(value)}\``).join(', ')}${also ? ` (${also})` : ''}`;
  }
  if (schema['x-convert'] === 'time') return 'time';
  if (schema['x-convert'] === 'amount') return 'amount, ≥ 0';
  if (schema['x-convert'] === 'positive') return 'amount, > 0';
  if (schema['x-convert'] === 'balance') return 'amount, any sign';
  if (schema['x-convert'] === 'upper') return 'currency code';
  if (schema.type === 'array') return `list of ${wordsFor((schema.items ?? {}) as Record<string, unknown>)}`;
  if (schema.type === 'string') {
    if (schema.pattern === '\\S') return 'id';
    return typeof schema.maxLength === 'number' ? `text, ≤ ${schema.maxLength}` : 'text';
  }
  const { minimum, maximum } = schema;
  if (schema.type === 'integer' && typeof maximum === 'number' && maximum < 100)
    return `integer ${String(minimum)}–${maximum}`;
  return String(schema.type);
}

function fieldRows(schema: unknown, above = ''): string[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Record<string, unknown>>;
    required?: string[];
  };
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = above + name;
    const row = `| \`${path}\`${required.includes(name) ? ' \\*' : ''} | ${wordsFor(field)} |`;
    return field.properties ? [row, ...fieldRows(field, `${path}.`)] : [row];
  });
}

function eventsDocument(): string {
  const all = summaries();
  const list = all.map(
    ({ type, key, writes, about }) =>
      `| [${type}](#${type.replaceAll('.', '')}) | ${key} | ${writes.join(', ')} | ${about} |`,
  );
  const parts = all.map(({ type }) => {
    const { about, key, writes, schema, example } = describe(type);
    return `## ${type}\n\n${about}\n\nMessage key: \`${key}\`. Writes: ${writes.map((name) => `\`${name}\``).join(', ')}.\n
| data | what |\n|---|---|\n${fieldRows(schema).join('\n')}\n
\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n`;
  });
  return `# The ${all.length} events

Written by \`npm run docs\` from src/handlers; \`dbw events\` prints the same. \\* = required. An *id* is text of 1 to 255
characters, not blank. A *time* is RFC 3339 with a zone, cut to microseconds. An *amount* is a JSON number below 1e12, rounded to
two digits, half away from zero. Enums are compared without case. Fields that are not named here are ignored. Around \`data\` stand \`eventId\`, \`eventType\` and
\`timestamp\`: [what producers do](deployment.md#what-producers-do).

| event | key | writes | |
|---|---|---|---|
${list.join('\n')}

${parts.join('\n')}`;
}

function settingsTable(): string {
  const rows = SETTINGS.map(({ name, initial, about, secret }) => {
    const also = secret ? `${about ? `${about}; ` : ''}or the file that \`${name}_FILE\` names` : about;
    return `| \`${name}\` | ${initial === '' ? '' : `\`${initial}\``} | ${also} |`;
  });
  return `| variable | default | |\n|---|---|---|\n${rows.join('\n')}`;
}

function metricsTable(): string {
  const { about } = new Metrics(new Tally([]), () => newborn('', 0), '');
  const rows = about.map(({ name, type, labels, help }) => {
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  });
  return `| metric | type | labels | |\n|---|---|---|---|\n${rows.join('\n')}`;
}

/** Puts a text between `<!-- name -->` and `<!-- /name -->`. */
function fill(document: string, name: string, text: string): string {
  const marked = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`);
  return document.replace(marked, (_, before: string, after: string) => `${before}\n${text}\n${after}`);
}

/** Each generated document under its path: what it should say now. */
export async function documents(): Promise<Readonly<Record<string, string>>> {
  const readme = fill(
    fill(readFileSync(`${root}README.md`, 'utf8'), 'settings', settingsTable()),
    'commands',
    await commandsTable(),
  );
  const options = { parser: 'markdown', printWidth: 120 } as const;
  const monitoring = fill(readFileSync(`${root}docs/monitoring.md`, 'utf8'), 'metrics', metricsTable());
  return {
    [`${root}docs/monitoring.md`]: await format(monitoring, options),
    [`${root}docs/events.md`]: await format(eventsDocument(), options),
    [`${root}docs/commands.md`]: await format(await commandsDocument(), options),
    [`${root}docs/errors.md`]: await format(errorsDocument(), options),
    [`${root}README.md`]: await format(readme, options),
  };
}
