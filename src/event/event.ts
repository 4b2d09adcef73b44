import type { Static, TObject } from 'typebox';
import { Compile } from 'typebox/compile';
import { spellingsOf, type Conversion, type Spellings } from './fields.js';
import type { Change } from '../tables/table.js';
import type { Micros } from './time.js';

/** What a handler may know of an event besides its data. */
export interface Envelope {
  readonly eventId: string;
  readonly timestamp: Micros;
}

interface Declaration<S extends TObject> {
  /** One sentence for those who read the registry. */
  readonly about: string;
  /** The field that keys the Kafka message. */
  readonly key: string;
  readonly data: S;
  /** Pairs of ids that must not be the same. */
  readonly distinct?: readonly (readonly [string, string])[];
  /** Valid data, as a producer sends it. */
  readonly example: Readonly<Record<string, unknown>>;
  /** The rows that the event leaves. Pure: no I/O, no clock, no state. */
  readonly write: (data: Static<S>, envelope: Envelope) => Change | readonly Change[];
}

/** One field that is spelled or converted before it is written; `path` has one name, or two for a field of `updates`. */
interface Field {
  readonly path: readonly string[];
  readonly spellings: Spellings | undefined;
  readonly conversion: Conversion | undefined;
}

/** A failed check of one field: the schema's keyword, the place as a JSON pointer below `data`, and what was expected. */
export interface SchemaError {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** An event type: its declaration with the compiled validator. */
export interface EventType {
  readonly type: string;
  readonly about: string;
  readonly key: string;
  readonly schema: TObject;
  readonly distinct: readonly (readonly [string, string])[];
  readonly example: Readonly<Record<string, unknown>>;
  readonly fields: readonly Field[];
  readonly accepts: (data: unknown) => boolean;
  readonly errors: (data: unknown) => readonly SchemaError[];
  readonly write: (data: Readonly<Record<string, unknown>>, envelope: Envelope) => readonly Change[];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const CONVERSIONS: readonly string[] = ['time', 'amount', 'positive', 'balance', 'upper'];
function isConversion(value: unknown): value is Conversion {
  return typeof value === 'string' && CONVERSIONS.includes(value);
}

/** The fields of a schema that need spelling or converting, also those of an object within it. */
function fieldsOf(schema: unknown, above: readonly string[] = []): Field[] {
  const fields: Field[] = [];
  if (!isRecord(schema)) return fields;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const alternatives: unknown[] = isRecord(property) && Array.isArray(property.anyOf) ? property.anyOf : [property];
    for (const alternative of alternatives) {
      if (!isRecord(alternative)) continue;
      const path = [...above, name];
      if (isRecord(alternative.properties)) fields.push(...fieldsOf(alternative, path));
      const conversion = alternative['x-convert'];
      const spellings = spellingsOf(alternative);
      if (spellings || isConversion(conversion)) {
        fields.push({ path, spellings, conversion: isConversion(conversion) ? conversion : undefined });
      }
    }
  }
  return fields;
}

/** Declares an event type. Throws where the schema cannot be compiled. */
export function event<S extends TObject>(type: string, declaration: Declaration<S>): EventType {
  const validator = Compile(declaration.data);
  const { write } = declaration;
  return {
    type,
    about: declaration.about,
    key: declaration.key,
    schema: declaration.data,
    distinct: declaration.distinct ?? [],
    example: declaration.example,
    fields: fieldsOf(declaration.data),
    accepts: (data) => validator.Check(data),
    errors: (data) =>
      validator.Errors(data).map((error) => {
        const missing = error.keyword === 'required' ? (error.params.requiredProperties[0] ?? '') : undefined;
        const path = missing === undefined ? error.instancePath : `${error.instancePath}/${missing}`;
        return { code: error.keyword, path, message: error.message };
      }),
    // The validator has accepted the data as this type before it comes here (decode.ts).
    write: (data, envelope) => {
      const changes = write(data as Static<S>, envelope);
      return isChange(changes) ? [changes] : changes;
    },
  };
}

function isChange(changes: Change | readonly Change[]): changes is Change {
  return 'verb' in changes;
}
