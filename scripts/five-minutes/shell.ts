import { spawn, type ChildProcess } from 'node:child_process';

const MARK = '--- typed, status ';

/** A shell in which one line is typed after the other. What it prints is shown, and returned line by line. */
export class Shell {
  private printed = '';
  private waiting: ((status: number | undefined) => void) | undefined;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => {
      this.printed += chunk.toString();
      const [, status] = new RegExp(`^${MARK}(\\d+)\\n`, 'm').exec(this.printed) ?? [];
      if (status !== undefined) this.waiting?.(Number(status));
    });
    child.once('close', () => this.waiting?.(undefined));
  }

  /** @param env all that its commands are to have */
  static open(cwd: string, env: NodeJS.ProcessEnv): Shell {
    return new Shell(spawn('bash', ['--noprofile', '--norc'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** Types what a person would, and waits until the shell has done it. */
  async type(text: string): Promise<{ status: number; printed: string }> {
    this.printed = '';
    // What runs must not read what is typed next.
    const status = await new Promise<number | undefined>((resolve) => {
      this.waiting = resolve;
      this.child.stdin?.write(`{\n${text}\n} < /dev/null\nstatus=$?; echo; echo "${MARK}$status"\n`);
    });
    if (status === undefined) throw new Error(`the shell ended at: ${text}`);
    return { status, printed: this.printed.replace(new RegExp(`\\n?${MARK}\\d+\\n`), '').trimEnd() };
  }

  /** Ends the shell, and what it left running. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin?.end('jobs -p | xargs -r kill\n');
    await closed;
  }
}
