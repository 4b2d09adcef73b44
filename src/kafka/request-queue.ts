import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/**
 * Keeps kafkajs from looking a thousand times a second, for each connection, whether a request waits that may be sent by
 * now: where none waits there is nothing to look for. It took 5 % of a core in a process with nothing to do, and Node ≥ 24
 * complained of it on standard error (kafkajs 2.2.4; its issues 1704 and 1751).
 */
export function lookOnlyForWhatWaits(): void {
  const { prototype } = RequestQueue;
  const look = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype) {
    if (this.pending.length > 0) look.call(this);
  };
}
