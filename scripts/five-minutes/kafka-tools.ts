import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../test/support/services/kafka-files.js';

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dbw</groupId>
  <artifactId>kafka-tools</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

/**
 * Kafka's own `kafka-console-producer.sh`, as its distribution has it: the same class out of the same jars, fetched once by Maven.
 *
 * @returns the folder that belongs into PATH
 */
export function kafkaTools(downloads: string, folder: string): string {
  const jars = join(downloads, `kafka-tools-${version}`);
  if (!existsSync(jars)) {
    const partial = `${jars}-partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    const pom = join(folder, 'pom.xml');
    writeFileSync(pom, POM);
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    execFileSync(
      'mvn',
      ['-q', '-B', '-ntp', '-f', pom, goal, '-DincludeScope=runtime', `-DoutputDirectory=${partial}`],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    execFileSync('mv', [partial, jars]);
  }
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = join(bin, 'kafka-console-producer.sh');
  writeFileSync(script, `#!/bin/sh\nexec java -cp '${jars}/*' org.apache.kafka.tools.ConsoleProducer "$@"\n`);
  chmodSync(script, 0o755);
  return bin;
}
