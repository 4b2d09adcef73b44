import { expect } from 'chai';
import { registry } from '../../src/handlers/index.js';
import { decode } from '../../src/event/decode.js';
import { ancestorsOf } from '../support/ancestors.js';
import { CONTRACT, type Contract, type Kind } from '../support/contract.js';
import { edgesOf, storedEnum } from '../support/edges.js';
import { decodeEnvelope, envelope, eventOf, messageWith, outcome } from '../support/envelopes.js';
import { MINIMAL } from '../support/generator/minimal.js';
import { KEYS } from '../support/generator/index.js';
import { platform } from '../support/given.js';
import type { Envelope } from '../support/model.js';

let ids = 0;
const cast = { user: 'author', friend: 'fan', fresh: (kind: string) => `${kind}-${ids++}` };

/** The least valid data of a type, about rows that no other event is about; with these fields set over it. */
function data(type: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const minimal = MINIMAL[type]?.(cast);
  if (!minimal) throw new Error(`no data of ${type}`);
  return { ...minimal, ...changes };
}

let second = 1;
function valid(type: string, changes: Record<string, unknown> = {}): Envelope {
  return envelope(type, data(type, changes), { second: second++ });
}

function outcomeOf(type: string, changes: Record<string, unknown>): string {
  return outcome(decodeEnvelope(envelope(type, data(type, changes))));
}

/** Every field of a type, with its place: of `data` itself, or of its `updates`. */
function fieldsOf({ required, optional, updates }: Contract) {
  const own = Object.entries({ ...required, ...optional }).map(([name, kind]) => ({
    name,
    kind,
    path: `/data/${name}`,
    with: (value: unknown): Record<string, unknown> => ({ [name]: value }),
  }));
  const changed = Object.entries({ ...updates?.clearable, ...updates?.fixed }).map(([name, kind]) => ({
    name: `updates.${name}`,
    kind,
    path: `/data/updates/${name}`,
    with: (value: unknown): Record<string, unknown> => ({ updates: { [name]: value } }),
  }));
  return [...own, ...changed];
}

function show(value: unknown): string {
  const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 50)}… (${text.length})` : text;
}

function isEnum(kind: Kind): kind is Exclude<Kind, string> {
  return typeof kind !== 'string';
}

describe('the fields of the thirty events', () => {
  const all = Object.entries(CONTRACT);

  // Types that came later have no contract of their own: test/handlers/examples.test.ts says what holds for every type.
  it('are those of types that are known', () => {
    expect(all).to.have.lengthOf(30);
    expect([...registry.keys()]).to.include.members(Object.keys(CONTRACT));
    for (const [type, { key }] of all) {
      expect(registry.get(type)?.key, type).to.equal(key);
      expect(KEYS[type], type).to.equal(key);
    }
  });

  it('are declared as such, none more and none less', () => {
    for (const [type, { required, optional, updates }] of all) {
      const schema = registry.get(type)!.schema;
      const more = updates ? ['updates'] : [];
      expect(Object.keys(schema.properties).sort(), type).to.deep.equal(
        [...Object.keys(required), ...Object.keys(optional), ...more].sort(),
      );
      expect([...schema.required].sort(), type).to.deep.equal([...Object.keys(required), ...more].sort());
    }
  });

  for (const [type, contract] of all) {
    describe(type, () => {
      it('is valid with its example', () => {
        expect(outcome(decodeEnvelope(envelope(type, { ...registry.get(type)!.example })))).to.equal('event');
      });

      it('needs its required fields', () => {
        const names = [...Object.keys(contract.required), ...(contract.updates ? ['updates'] : [])];
        for (const name of names) {
          expect(outcomeOf(type, { [name]: undefined })).to.equal(`invalid required /data/${name}`);
          expect(outcomeOf(type, { [name]: null })).to.equal(`invalid type /data/${name}`);
        }
      });

      it('does without the others: absent and null are the same', () => {
        const nothing = Object.fromEntries(Object.keys(contract.optional).map((name) => [name, null]));
        const given = data(type);
        for (const name of Object.keys(contract.optional))
          expect(outcomeOf(type, { [name]: null }), name).to.equal('event');
        const [absent, empty] = [{ ...given }, { ...given, ...nothing }];
        for (const name of Object.keys(contract.optional)) Reflect.deleteProperty(absent, name);
        // A change that null clears is another matter: see the rows.
        if (registry.get(type)!.write({ ...absent }, { eventId: 'e', timestamp: 0 })[0]?.verb === 'set') return;
        const rows = (one: Record<string, unknown>) =>
          eventOf(envelope(type, one)).changes.map(({ row }) =>
            Object.fromEntries(
              Object.entries(row).map(([column, value]: [string, unknown]) => [column, value ?? null]),
            ),
          );
        expect(rows(empty)).to.deep.equal(rows(absent));
      });

      for (const field of fieldsOf(contract)) {
        it(`${field.name}: its edges`, () => {
          const { accepted, refused } = edgesOf(field.kind);
          for (const value of accepted) expect(outcomeOf(type, field.with(value)), show(value)).to.equal('event');
          for (const [value, code, below = ''] of refused) {
            expect(outcomeOf(type, field.with(value)), show(value)).to.equal(`invalid ${code} ${field.path}${below}`);
          }
        });
      }

      if (contract.updates) {
        const { clearable, fixed } = contract.updates;
        it('updates: must be an object, which may be empty', () => {
          for (const value of [17, 'x', [], true])
            expect(outcomeOf(type, { updates: value })).to.equal('invalid type /data/updates');
          expect(outcomeOf(type, { updates: {} })).to.equal('event');
          expect(outcomeOf(type, { updates: { noSuchField: 17, user_id: 'x' } })).to.equal('event');
        });
        it('updates: null clears what may be empty, and is refused for the rest', () => {
          for (const name of Object.keys(clearable)) {
            expect(outcomeOf(type, { updates: { [name]: null } }), name).to.equal('event');
          }
          for (const name of Object.keys(fixed)) {
            expect(outcomeOf(type, { updates: { [name]: null } })).to.equal(`invalid type /data/updates/${name}`);
          }
        });
      }

      if (contract.distinct) {
        const [one, other] = contract.distinct;
        it(`${one} and ${other} are not the same`, () => {
          expect(outcomeOf(type, { [one]: 'same', [other]: 'same' })).to.equal(`invalid distinct /data/${other}`);
          expect(outcomeOf(type, { [one]: 'same', [other]: 'Same' })).to.equal('event');
          expect(outcomeOf(type, { [one]: 'same', [other]: 'same ' })).to.equal('event');
        });
      }
    });
  }

  it('stores every spelling of an enum in its form', () => {
    for (const [type, contract] of all) {
      for (const { name, kind, with: changes } of fieldsOf(contract)) {
        if (!isEnum(kind)) continue;
        for (const given of edgesOf(kind).accepted) {
          const { row } = eventOf(envelope(type, data(type, changes(given)))).changes[0]!;
          expect(Object.values(row), `${type} ${name} ${String(given)}`).to.include(storedEnum(kind, String(given)));
        }
      }
    }
  });

  it('refuse numbers that no double holds', () => {
    for (const [type, contract] of all) {
      for (const { kind, path, name } of fieldsOf(contract)) {
        if (kind !== 'amount' && kind !== 'positive' && kind !== 'balance') continue;
        const text = JSON.stringify(envelope(type, data(type, path.includes('updates') ? { updates: { price: 'HERE' } } : { [name]: 'HERE' }))); // prettier-ignore
        for (const number of ['1e400', '-1e400']) {
          const value = Buffer.from(text.replace('"HERE"', number));
          expect(outcome(decode(messageWith(type, value), registry)), `${type} ${name}`).to.match(
            /^invalid (type|minimum|exclusiveMinimum) /,
          );
        }
      }
    }
  });

  it('repeat times that nobody reads', () => {
    for (const [type] of all) {
      const plain = data(type);
      const repeated = {
        createdAt: 'nonsense',
        updatedAt: 0,
        deletedAt: null,
        readAt: {},
        timestamp: '1970-01-01T00:00:00Z',
      };
      const changes = (one: Record<string, unknown>) => eventOf(envelope(type, one, { eventId: 'e' })).changes;
      expect(changes({ ...plain, ...repeated }), type).to.deep.equal(changes({ ...plain }));
    }
  });
});

describe('the edges of the fields, in the tables', () => {
  const { given } = platform();

  for (const [type, contract] of Object.entries(CONTRACT)) {
    it(`${type}: every accepted value is stored as the model says`, async () => {
      const events = fieldsOf(contract).flatMap(({ kind, with: changes }) =>
        edgesOf(kind).accepted.map((value) => valid(type, changes(value))),
      );
      const nulls = Object.keys(contract.optional).map((name) => valid(type, { [name]: null }));
      const cleared = Object.keys(contract.updates?.clearable ?? {}).map((name) =>
        valid(type, { updates: { [name]: null } }),
      );
      const list = [valid(type), ...events, ...nulls, ...cleared];
      await given(ancestorsOf(list)).when(list).asTheModelSays();
    });
  }
});
