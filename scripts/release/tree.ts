import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** What the Dockerfile's first stage installs for the second. */
const TINI = '/usr/bin/tini-static';

/** A line of the stage that builds: sources and where they go, or what a shell is told. */
type Step =
  | { readonly kind: 'copy'; readonly sources: readonly string[]; readonly to: string }
  | { readonly kind: 'run'; readonly command: string };

/**
 * What the Dockerfile's first stage does to make the tree, in its order; what it takes from Debian is left out.
 *
 * @throws Error for an instruction that is not known here
 */
export function stepsOf(dockerfile: string): Step[] {
  const [, stage = ''] = dockerfile.split(/^FROM .*\n/m);
  const lines = stage
    .replaceAll(/\\\n/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return lines.flatMap((line): Step[] => {
    const [instruction = '', ...words] = line.split(/ +/);
    const rest = words.join(' ');
    const to = words.at(-1) ?? '';
    if (instruction === 'WORKDIR') return [];
    if (instruction === 'COPY') return [{ kind: 'copy', sources: words.slice(0, -1), to }];
    if (instruction === 'RUN') return rest.startsWith('apt-get ') ? [] : [{ kind: 'run', command: rest }];
    throw new Error(`the Dockerfile's first stage has ${instruction}, which scripts/release/tree.ts does not know`);
  });
}

/** The words of the health check, with the Node that is here. */
export function healthCheckOf(dockerfile: string): string[] {
  const [, json = '[]'] = /^HEALTHCHECK [^[]*CMD (\[.*\])$/m.exec(dockerfile) ?? [];
  const [, ...words] = JSON.parse(json) as string[];
  return [process.execPath, ...words];
}

/** The tree of the image, in a folder of its own. */
export class Tree {
  private constructor(
    private readonly folder: string,
    /** Whether its init is there: it comes from a package of Debian. */
    readonly hasInit: boolean,
  ) {}

  /** Builds it from this checkout by the lines of the Dockerfile. */
  static build(dockerfile: string): Tree {
    const tree = new Tree(mkdtempSync(join(tmpdir(), 'dbw-tree-')), existsSync(TINI));
    try {
      chmodSync(tree.folder, 0o755);
      for (const step of stepsOf(dockerfile)) tree.follow(step);
      rmSync(tree.work, { recursive: true });
    } catch (error) {
      tree.remove();
      throw error;
    }
    return tree;
  }

  /** The working directory of the first stage. */
  private get work(): string {
    return join(this.folder, 'build');
  }

  private follow(step: Step): void {
    mkdirSync(this.work, { recursive: true });
    if (step.kind === 'copy') {
      for (const source of step.sources) {
        // Of a folder its content is copied, as docker does.
        const to = statSync(source).isDirectory() ? step.to : join(step.to, basename(source));
        cpSync(source, join(this.work, to), { recursive: true });
      }
      return;
    }
    const command = this.hasInit ? step.command : step.command.replace(new RegExp(`\\s*&& cp ${TINI} \\S+`), '');
    const here = command.replaceAll(/(?<![\w.])\/tree(?=\/| |$)/g, `${this.folder}/tree`);
    execFileSync('sh', ['-c', here], { cwd: this.work, stdio: ['ignore', 'inherit', 'inherit'] });
  }

  /** How dbw is started in it: by its init, with the Node that is here, and as the image's user where we may choose. */
  words(user: string): string[] {
    const alone = process.getuid?.() === 0 ? [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--bounding-set=-all'] : []; // prettier-ignore
    const init = this.hasInit ? [join(this.folder, 'tree/usr/local/bin/tini'), '--'] : [];
    return ['setpriv', '--no-new-privs', ...alone, ...init, process.execPath, join(this.folder, 'tree/app/bin/run.js')];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
