import { expect } from 'chai';
import type { Failed } from '../../src/tell.js';
import { dbw, type Ended } from '../support/cli.js';
import { allCommands, examplesOf, wordsOf, type Loadable } from '../support/commands.js';
import { Place } from '../support/place.js';

/** The shortest example of a command, bounded. */
function shortest(command: Loadable): string[] {
  const [typed = ''] = examplesOf(command).toSorted((a, b) => a.length - b.length);
  const words = wordsOf(typed).filter((word) => word !== '--json' && word !== '--watch');
  if (command.id === 'consume') words.push('--until-caught-up');
  if ('yes' in command.flags && !words.includes('--yes')) words.push('--yes');
  return [...words, '--json'];
}

/** What was printed, which must be one document and nothing else. */
function documentIn(ended: Ended, args: readonly string[]): unknown {
  try {
    return JSON.parse(ended.stdout);
  } catch {
    return expect.fail(`dbw ${args.join(' ')} printed no JSON: ${ended.stdout}${ended.stderr}`);
  }
}

function isFailed(value: unknown): value is Failed {
  return typeof value === 'object' && value !== null && 'error' in value;
}

describe('--json', () => {
  let commands: Loadable[];
  let place: Place;
  before(async () => {
    ({ commands } = await allCommands());
    place = await Place.make();
  });
  after(() => place.dataSource.destroy());

  it('prints one document of every command, and an error as one too, with the status of the process', async () => {
    const last = ({ id }: Loadable) => (id === 'migrate:revert' ? 1 : 0);
    for (const command of commands.toSorted((a, b) => last(a) - last(b))) {
      const args = shortest(command);
      const ended = await dbw(args, { ...place.env, LOG_LEVEL: 'warn' });
      const found = documentIn(ended, args);
      expect(typeof found, args.join(' ')).to.equal('object');
      if (isFailed(found))
        expect(found.error.status, found.error.message).to.equal(ended.status).and.not.to.be.oneOf([1, 2]);
    }
  });

  it('says of a wrong configuration what is wrong, in one document, with status 2', async () => {
    // These ask no server, and need no settings.
    const reading = commands.filter(({ id }) => !/^(events|migrate:grants)/.test(id));
    await Promise.all(
      reading.map(async (command) => {
        const args = shortest(command);
        const ended = await dbw(args, { ...place.env, BATCH_SIZE: '0' });
        const message = 'The configuration is wrong:\n  - BATCH_SIZE is "0", expected a whole number from 1 to 100000';
        expect(documentIn(ended, args), args.join(' ')).to.deep.equal({ error: { message, status: 2 } });
        expect(ended.status).to.equal(2);
      }),
    );
  });

  it('says of a wrong flag what is wrong, without a stack or the insides of the parser', async () => {
    const ended = await dbw(['consume', '--fast', '--json']);
    const message = 'Nonexistent flag: --fast\nAll flags: dbw consume --help';
    expect(JSON.parse(ended.stdout)).to.deep.equal({ error: { message, status: 2 } });
    expect([ended.status, ended.stderr]).to.deep.equal([2, '']);
  });
});
