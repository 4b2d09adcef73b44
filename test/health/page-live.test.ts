import { expect } from 'chai';
import { messageOf } from '../support/generator/index.js';
import { envelope } from '../support/envelopes.js';
import { faultsOf, textOf } from '../support/html.js';
import { Place } from '../support/place.js';
import { freePort } from '../support/services/ports.js';
import type { Running } from '../support/cli.js';
import { until } from '../support/until.js';

const EVENTS = 400;
const HAMMERS = 20;

describe('the port of a running consume', () => {
  let place: Place;
  let running: Running | undefined;
  before(async () => {
    place = await Place.make(['user.created']);
  });
  after(async () => {
    running?.child.kill('SIGKILL');
    await place.dataSource.destroy();
  });

  it('shows how it is, and the writer writes on however often it is asked', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const writer = place.consume([], { DB_WRITER_SERVICE_PORT: String(port) });
    running = writer;
    // A connection that the writer has just closed as idle is one that fetch may still choose.
    const get = async (path: string) => {
      const response = await fetch(url + path).catch(() => undefined);
      return response && { status: response.status, headers: response.headers, text: await response.text() };
    };
    await until(async () => (await get('/readyz'))?.status === 200, writer);

    const end = new AbortController();
    let asked = 0;
    const hammer = async (path: string) => {
      while (!end.signal.aborted) {
        const answer = await get(path);
        if (!answer) continue;
        expect(answer.status).to.equal(200);
        asked++;
      }
    };
    const hammers = Array.from({ length: HAMMERS }, (_, i) => hammer(i % 2 ? '/' : '/metrics'));
    const messages = Array.from({ length: EVENTS }, (_, i) =>
      messageOf(
        envelope('user.created', { userId: `u${i}`, username: `n${i}`, email: 'secret@planted', role: 'creator' }),
      ),
    );
    await place.send([...messages, { ...messages[0]!, value: Buffer.from('{') }]);
    await until(async () => (await place.processed()) === EVENTS, writer);
    await until(async () => textOf((await get('/'))?.text ?? '').includes('malformed 1 1'), writer);
    end.abort();
    await Promise.all(hammers);
    expect(asked).to.be.at.least(HAMMERS);

    const response = await get('/');
    const page = response?.text ?? '';
    expect(response?.headers.get('content-security-policy')).to.match(/^default-src 'none'/);
    expect(faultsOf(page)).to.deep.equal([]);
    expect(textOf(page, 'card-dead')).to.match(/^Dead letters 1 in 10 min/);
    expect(textOf(page, 'types')).to.include(`user.created ${EVENTS} 0 0 0 1 0`);
    expect(page).not.to.include('planted');
    writer.child.kill('SIGTERM');
    expect((await writer.ended).status).to.equal(0);
  });
});
