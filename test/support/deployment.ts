import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly configMapKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
  };
}

export interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

type Labels = Readonly<Record<string, string>>;

export interface PodTemplate {
  readonly metadata: { readonly labels: Labels };
  readonly spec: {
    readonly automountServiceAccountToken: boolean;
    readonly enableServiceLinks: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
    readonly containers: readonly [Container];
    readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
  };
}

/** What the tests look at in a manifest of Kubernetes; which parts are there depends on its kind. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  readonly stringData?: Labels;
  readonly spec: {
    readonly replicas: number;
    readonly maxUnavailable: number;
    readonly template: PodTemplate;
    readonly selector: Labels & { readonly matchLabels: Labels };
    readonly podSelector: { readonly matchLabels: Labels };
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
    readonly endpoints: readonly { readonly port: string; readonly path: string }[];
    readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly scaleTargetRef: { readonly name: string };
    readonly maxReplicaCount: number;
    readonly minReplicaCount: number;
    readonly triggers: readonly { readonly metadata: Labels }[];
    readonly secretTargetRef: readonly { readonly name: string; readonly key: string }[];
  };
}

export interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

export interface ComposeService {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Labels;
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly stop_grace_period?: string;
}

export const KUBERNETES = 'deploy/kubernetes';

/** The manifests in a file of deploy/kubernetes. */
export function manifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(`${KUBERNETES}/${file}`, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join('; ')}`);
    return document.toJS() as Manifest;
  });
}

/** The one of a kind in a file. */
export function manifest(file: string, kind: string): Manifest {
  const found = manifests(file).find((one) => one.kind === kind);
  if (!found) throw new Error(`${file} has no ${kind}`);
  return found;
}

export function deployment(): Manifest {
  return manifest('deployment.yaml', 'Deployment');
}

export function kustomization(folder: string): Kustomization {
  return parse(readFileSync(`${KUBERNETES}/${folder}/kustomization.yaml`, 'utf8')) as Kustomization;
}

export function composeServices(): Readonly<Record<string, ComposeService>> {
  const text = readFileSync('docker-compose.yml', 'utf8');
  return (parse(text, { merge: true }) as { services: Record<string, ComposeService> }).services;
}

/** The lines `NAME=value` of a file. */
export function envFile(file: string): Record<string, string> {
  const pairs = [...readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

/** Milliseconds within which `consume` ends after SIGTERM, as its source says. */
export function deadlineMs(): number {
  const [, digits] = /^const DEADLINE_MS = ([\d_]+);$/m.exec(readFileSync('src/commands/consume.ts', 'utf8')) ?? [];
  if (digits === undefined) throw new Error('src/commands/consume.ts does not say its DEADLINE_MS any more');
  return Number(digits.replaceAll('_', ''));
}

/** The version of the package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
}
