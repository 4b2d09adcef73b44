/** The release of Apache Kafka that we run. */
export const version = '4.4.0';

/** What Maven fetches. */
// slf4j's binding is not among the broker's own dependencies: without it a broker that fails says nothing.
export const pomXml = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dbw</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.5</version>
    </dependency>
  </dependencies>
</project>
`;

/** Warnings and errors, with as much of a stack as a person reads. */
export const log4jProperties = `rootLogger.level = warn
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c{1})%n%ex{8}
`;

/** A listener beside the usual one. */
export interface Listener {
  /** In capitals, as it stands in the broker's settings. */
  readonly name: string;
  readonly port: number;
  /** Where the broker sends its clients to: the port of a proxy before it. */
  readonly advertised?: number;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Settings of this listener, without `listener.name.<name>.`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Where a broker listens. */
export interface BrokerPorts {
  readonly port: number;
  readonly controller: number;
  /** For clients behind a proxy: the broker tells them to come to the proxy's port, again and again. */
  readonly proxied?: { readonly port: number; readonly advertised: number } | undefined;
  readonly listeners?: readonly Listener[];
  /** Which of a cluster's nodes it is: the first is the controller too, others are brokers only. */
  readonly node?: number | undefined;
  /** Settings of the broker as a whole, beside those that it has anyway. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** A node that is broker and, unless it joins another, controller, as a test wants it: nothing is replicated, nothing waits, nothing expires. */
export function brokerProperties(ports: BrokerPorts, data: string): string {
  const { port, controller, proxied, listeners: more = [], node = 1 } = ports;
  const listener = (name: string, at: number) => `${name}://127.0.0.1:${String(at)}`;
  const beside: readonly Listener[] = proxied
    ? [...more, { name: 'PROXIED', protocol: 'PLAINTEXT', ...proxied }]
    : more;
  const listeners = [listener('PLAINTEXT', port), ...(node === 1 ? [listener('CONTROLLER', controller)] : [])];
  const advertised = [listener('PLAINTEXT', port)];
  const protocols = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT'];
  const settings = Object.entries(ports.settings ?? {}).map(([name, value]) => `${name}=${value}`);
  for (const one of beside) {
    listeners.push(listener(one.name, one.port));
    advertised.push(listener(one.name, one.advertised ?? one.port));
    protocols.push(`${one.name}:${one.protocol}`);
    const prefix = `listener.name.${one.name.toLowerCase()}.`;
    settings.push(...Object.entries(one.settings ?? {}).map(([name, value]) => `${prefix}${name}=${value}`));
  }
  return `process.roles=${node === 1 ? 'broker,controller' : 'broker'}
node.id=${String(node)}
listeners=${listeners.join(',')}
advertised.listeners=${advertised.join(',')}
listener.security.protocol.map=${protocols.join(',')}
${settings.join('\n')}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:${String(controller)}
log.dirs=${data}
auto.create.topics.enable=false
message.max.bytes=16777216
num.partitions=1
default.replication.factor=1
offsets.topic.num.partitions=2
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
# A week, as is usual: who keeps ids for as long as records are kept makes a partition of each day. But nobody looks what is
# older: some records bear times of long ago.
log.retention.ms=604800000
log.retention.check.interval.ms=864000000
log.segment.delete.delay.ms=1000
# The preallocated sizes are made for large brokers.
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=2
num.io.threads=4
background.threads=2
# After kill -9 the broker is let in again when its former session has ended.
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=2000
`;
}
