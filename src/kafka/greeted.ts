import Broker from 'kafkajs/src/broker/index.js';

/**
 * A broker counts as connected when it has said which requests it understands, and not as soon as a connection is there. To
 * kafkajs 2.2.4 it does, so that who uses it while that answer is awaited, or after it has not come, is told "Broker not
 * connected", by an error that its consumer does not survive.
 */
export function connectedWhenGreeted(): void {
  const { prototype } = Broker;
  const { connect, isConnected } = prototype;
  const greeted = new WeakSet<object>();
  prototype.connect = async function (this: typeof prototype) {
    await connect.call(this);
    greeted.add(this);
  };
  prototype.isConnected = function (this: typeof prototype) {
    return greeted.has(this) && isConnected.call(this);
  };
}
