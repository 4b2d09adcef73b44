import type { Kafka } from 'kafkajs';

/** What kafkajs can do and its types do not tell of; its upgrades may change it, so each use says what it found missing. */

type Method = (...args: unknown[]) => unknown;

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

function strange(what: string): Error {
  return new Error(`kafkajs is not built as expected: ${what}. Use the version that dbw was made with`);
}

/** A part of an object of kafkajs. Throws where there is none of that name. */
export function inside(owner: unknown, name: string | symbol): unknown {
  const value: unknown = typeof owner === 'object' && owner !== null ? Reflect.get(owner, name) : undefined;
  if (value === undefined) throw strange(`${String(name)} is missing`);
  return value;
}

/** A method of an object of kafkajs, to be called for that object. Throws where there is none of that name. */
export function methodOf(owner: unknown, name: string | symbol): Method {
  const method = inside(owner, name);
  if (!isMethod(method)) throw strange(`${String(name)} is no method`);
  return (...args) => method.apply(owner, args);
}

/** Calls a method of an object of kafkajs. Throws where there is none of that name, and what the method throws. */
export function call(owner: unknown, name: string | symbol, ...args: unknown[]): unknown {
  return methodOf(owner, name)(...args);
}

/** What makes the clusters of a client of kafkajs. */
export function clusterMaking(kafka: Kafka): symbol | string {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.includes('createCluster'));
  return symbol ?? 'createCluster';
}

/** Connections to the brokers of a cluster, with its TLS and SASL, as kafkajs' own clients have them. */
export function openCluster(kafka: Kafka, options: { readCommitted?: boolean } = {}): unknown {
  const isolationLevel = options.readCommitted === true ? 1 : 0;
  return call(kafka, clusterMaking(kafka), {
    allowAutoTopicCreation: false,
    metadataMaxAge: 30_000,
    isolationLevel,
  });
}
