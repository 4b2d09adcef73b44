import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** The first of these programs that is installed. */
export function installed(names: readonly string[]): string | undefined {
  return names.find((name) => !spawnSync(name, ['--version'], { stdio: 'ignore' }).error);
}

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** Without JavaScript. */
  readonly plain?: boolean;
}

/** A headless Chromium, told what to do by the DevTools protocol over a pipe. */
export class Browser {
  private last = 0;
  private session = '';
  private readonly waiting = new Map<number, (answer: Readonly<Record<string, unknown>>) => void>();
  /** What the page complains of: errors, and what its policy forbids. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly pipe: Writable,
    private readonly profile: string,
  ) {}

  /** Undefined where no Chromium is installed. */
  static async open(): Promise<Browser | undefined> {
    const program = installed(NAMES);
    if (program === undefined) return undefined;
    const profile = mkdtempSync(join(tmpdir(), 'dbw-browser-'));
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const flags = ['--headless=new', '--disable-gpu', '--hide-scrollbars', '--no-first-run', '--remote-debugging-pipe', `--user-data-dir=${profile}`]; // prettier-ignore
    const child = spawn(program, [...flags, ...sandbox, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const [, , , pipe, answers] = child.stdio;
    const browser = new Browser(child, pipe as Writable, profile);
    browser.listen(answers as Readable);
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.send(`${domain}.enable`);
    return browser;
  }

  private listen(answers: Readable): void {
    let text = '';
    answers.setEncoding('utf8').on('data', (data: string) => {
      const parts = (text + data).split('\0');
      text = parts.pop() ?? '';
      for (const part of parts) this.heard(JSON.parse(part));
    });
  }

  private heard(said: unknown): void {
    if (!isRecord(said)) return;
    const { id, method, params } = said;
    if (typeof id === 'number') this.waiting.get(id)?.(said);
    if (!isRecord(params)) return;
    if (method === 'Log.entryAdded' && isRecord(params.entry)) {
      const { level, text, url } = params.entry;
      // What a browser says where a writer does not answer is wanted.
      if (level === 'error' && !String(text).includes('ERR_CONNECTION'))
        this.complaints.push(`${String(text)} ${String(url)}`);
    }
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params.exceptionDetails));
  }

  private async send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.last;
    const answered = new Promise<Readonly<Record<string, unknown>>>((resolve) => this.waiting.set(id, resolve));
    this.pipe.write(
      `${JSON.stringify({ id, method, params, ...(this.session ? { sessionId: this.session } : {}) })}\0`,
    );
    const { result, error } = await answered;
    this.waiting.delete(id);
    if (!isRecord(result)) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async open(url: string, { width, height, dark = false, plain = false }: View): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { features });
    await this.send('Emulation.setScriptExecutionDisabled', { value: plain });
    await this.send('Page.navigate', { url });
    while ((await this.ask('document.readyState')) !== 'complete');
  }

  /** What an expression is in the page. */
  async ask(expression: string): Promise<unknown> {
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    return isRecord(result) ? result.value : undefined;
  }

  /** A picture of the whole page, as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  /** A small picture of what is seen first, as WebP: for docs/. */
  async glance(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
