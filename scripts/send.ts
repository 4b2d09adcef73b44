// `node --import tsx scripts/send.ts content.post.liked`: sends the examples of event types to the Kafka that the environment names, each behind
// examples that make the rows it needs.
import { readConfig } from '../src/config.js';
import { registry } from '../src/handlers/index.js';
import { examplesFor } from '../test/support/examples.js';
import { messageOf } from '../test/support/envelopes.js';
import { send } from '../test/support/topics.js';

const types = process.argv.slice(2);
if (types.length === 0) {
  console.error(
    'Use: node --import tsx scripts/send.ts TYPE …, such as content.post.liked. All types: bin/dev.js events',
  );
  process.exit(2);
}
const events = types.flatMap(examplesFor);
const prefix = readConfig(process.env).kafka.topicPrefix;
const messages = events.map((event) => {
  const { topic, value } = messageOf(event);
  return { topic, value, key: String(event.data[registry.get(event.eventType)?.key ?? '']) };
});
await send(messages, prefix);
for (const { topic, value } of messages) console.log(`${prefix}${topic} ${String(value)}`);
