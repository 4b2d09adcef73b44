import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser } from '@oclif/core';
import { expect } from 'chai';
import { HealthServer } from '../../src/health/health-server.js';
import { dbw } from '../support/cli.js';
import { allCommands, examplesOf, wordsOf, type Loadable } from '../support/commands.js';
import { envelope } from '../support/envelopes.js';
import { messageOf, type Message } from '../support/generator/index.js';
import { Place } from '../support/place.js';
import { WELL } from '../support/vitals.js';

/** Never ends by itself. */
function isEndless(typed: string): boolean {
  return / --watch\b| -w\b/.test(typed) || /^dbw consume(?!.* --(until-caught-up|max-events))/.test(typed);
}

/** Done, done in part, refused for what this place has not, events lost. A wrong example would be 2, a fault 1. */
const FINE = [0, 3, 5, 6];

describe('--help', () => {
  const { commands } = { commands: [] as Loadable[] };
  let place: Place;
  let port: HealthServer;
  before(async () => {
    commands.push(...(await allCommands()).commands);
    place = await Place.make();
    // As many as the examples of backfill speak of, whichever partition they ask for.
    const events = Array.from({ length: 5_600 }, (_, i): Message => {
      const user = envelope('user.created', { userId: `u${i}`, username: `n${i}`, email: 'e', role: 'subscriber' });
      const message = envelope('message.created', {
        messageId: `m${i}`,
        conversationId: 'c',
        senderId: `u${i - 1}`,
        content: '',
      });
      return { ...messageOf(i % 2 ? message : user), key: String(i) };
    });
    await place.send(events);
    const silent = { contentType: 'text/plain', text: () => '' };
    port = await HealthServer.open({ port: 0 }, () => WELL, { metrics: silent, page: silent });
  });
  after(async () => {
    await port.close();
    await place.dataSource.destroy();
  });

  it('every command has a summary of one sentence, and an example that begins with it', () => {
    expect(commands).to.have.lengthOf.above(8);
    for (const command of commands) {
      const name = command.id.replaceAll(':', ' ');
      expect(command.summary, name).to.match(/^[A-Z].*\.$/);
      expect(examplesOf(command), name).not.to.deep.equal([]);
      for (const example of examplesOf(command)) expect(example).to.match(new RegExp(`^dbw ${name}( |$)`));
    }
  });

  it('every flag says what it does', () => {
    for (const command of commands) {
      for (const [name, flag] of Object.entries(command.flags)) {
        expect(flag.summary ?? flag.description, `${command.id} --${name}`)
          .to.be.a('string')
          .and.not.to.equal('');
      }
    }
  });

  it('every example can be parsed', async () => {
    for (const command of commands) {
      const loaded = await command.load();
      const { flags, baseFlags, args, strict } = loaded;
      for (const example of examplesOf(command)) {
        const words = wordsOf(example).slice(command.id.split(':').length);
        const known = words.filter((word) => word !== '--json'); // oclif adds that one itself
        try {
          await Parser.parse(known, { flags: { ...baseFlags, ...flags }, args, strict });
        } catch (error) {
          expect.fail(`${example}: ${String(error)}`);
        }
      }
    }
  });

  async function run(command: Loadable, example: string): Promise<void> {
    if (isEndless(example)) return;
    const words = wordsOf(example).map((word) =>
      word
        .replace('http://localhost:3010', `http://localhost:${port.port}`)
        .replace('letters.jsonl', join(tmpdir(), `${place.prefix}letters.jsonl`)),
    );
    const isAsked = 'yes' in command.flags && !words.includes('--yes') && !words.includes('--dry-run');
    const ended = await dbw([...words, ...(isAsked ? ['--yes'] : [])], place.env);
    const said = `${example}: ${ended.stderr}${ended.stdout.slice(0, 300)}`;
    expect(FINE, said).to.include(ended.status);
    expect(ended.stderr, said).not.to.contain('fault in dbw');
  }

  it('every example that ends does what it says, on real servers', async () => {
    // What takes the schema back comes last.
    const last = commands.filter(({ id }) => id.startsWith('migrate'));
    const others = commands.filter((command) => !last.includes(command));
    const pending = others.flatMap((command) => examplesOf(command).map((example) => ({ command, example })));
    const work = async (list: typeof pending) => {
      for (let next = list.shift(); next; next = list.shift()) await run(next.command, next.example);
    };
    await Promise.all([work(pending), work(pending)]);
    await work(last.flatMap((command) => examplesOf(command).map((example) => ({ command, example }))));
  });
});
