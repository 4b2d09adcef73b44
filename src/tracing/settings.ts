const PROTOCOLS = ['http/protobuf', 'http/json'] as const;

/** Where traces go; the SDK reads what else there is of `OTEL_*` by itself. */
export interface TracingSettings {
  /** Of OTLP over HTTP, with no password in it. */
  readonly endpoint: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  /** `name=value,name=value`: what the endpoint asks of those who send to it. */
  readonly headers: string | undefined;
}

/** What reads settings one by one, and gathers what is wrong with them. */
interface Reader {
  readonly problems: string[];
  text(name: string): string;
  secret(name: string): string | undefined;
  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined;
}

/** Settings with the names of OpenTelemetry that dbw itself looks at. */
export const TRACING_SETTINGS = [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    initial: '',
    about: 'where traces go, as http://localhost:4318; without it there are none',
  },
  { name: 'OTEL_EXPORTER_OTLP_PROTOCOL', initial: 'http/protobuf', about: PROTOCOLS.join(', ') },
  { name: 'OTEL_EXPORTER_OTLP_HEADERS', initial: '', about: 'name=value, separated by commas', secret: true },
  { name: 'OTEL_SDK_DISABLED', initial: 'false', about: 'true: no traces in spite of an endpoint' },
] as const;

/** The endpoint may hold a password: it is never repeated. */
function problemOf(endpoint: string): string | undefined {
  const name = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  if (!URL.canParse(endpoint)) return `${name} is no URL, expected one like http://localhost:4318`;
  const { protocol, username, password } = new URL(endpoint);
  if (protocol !== 'http:' && protocol !== 'https:') {
    return `${name} is no URL of http or https, expected one like http://localhost:4318`;
  }
  if (username === '' && password === '') return undefined;
  return `${name} has a user or password in it; give them in OTEL_EXPORTER_OTLP_HEADERS`;
}

/** The settings of tracing; undefined where it is off. */
export function tracingOf(read: Reader): TracingSettings | undefined {
  const endpoint = read.text('OTEL_EXPORTER_OTLP_ENDPOINT');
  // As the standard has it: whatever is not "true" is false.
  if (endpoint === '' || read.text('OTEL_SDK_DISABLED').toLowerCase() === 'true') return undefined;
  const problem = problemOf(endpoint);
  if (problem !== undefined) read.problems.push(problem);
  const protocol = read.oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', PROTOCOLS) ?? 'http/protobuf';
  return { endpoint, protocol, headers: read.secret('OTEL_EXPORTER_OTLP_HEADERS') };
}
