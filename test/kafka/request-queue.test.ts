import { expect } from 'chai';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { withAdmin } from '../support/topics.js';

describe('the queue of requests to a broker', () => {
  it('has no timer while nothing waits to be sent', async () => {
    const { prototype } = RequestQueue;
    const check = prototype.checkPendingRequests;
    const checked = new Set<typeof prototype>();
    prototype.checkPendingRequests = function (this: typeof prototype) {
      checked.add(this);
      check.call(this);
    };
    try {
      await withAdmin(async (admin) => {
        await admin.listTopics();
        expect(checked.size).to.be.greaterThan(0);
        for (const { pending, throttleCheckTimeoutId } of checked) {
          expect({ pending, throttleCheckTimeoutId }).to.deep.equal({ pending: [], throttleCheckTimeoutId: null });
        }
      });
    } finally {
      prototype.checkPendingRequests = check;
    }
  });
});
