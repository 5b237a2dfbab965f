/** A second door of a broker, whose guests are told to come to another port: that of a proxy before it. */
export interface KafkaLink {
  readonly port: number;
  readonly advertisedPort: number;
}

/** What one broker on this machine is told. */
export interface KafkaSettings {
  readonly port: number;
  readonly controllerPort: number;
  readonly logDir: string;
  /** Flush every append to the disk before it is acknowledged: safe against a power cut, and slower. */
  readonly durable: boolean;
  readonly link?: KafkaLink | undefined;
}

/** Small heap, serial collector and C1 only: a broker for a laptop (225–375 MB resident under load). */
export const KAFKA_JAVA_FLAGS = [
  '-Xms96m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:MaxDirectMemorySize=128m',
  '-Djdk.nio.maxCachedBufferSize=1048576',
  '-Xss512k',
] as const;

/**
 * The text of server.properties: one node that is broker and controller.
 * The session timeouts decide how long a broker waits for its own old session after kill -9 (12 s by default);
 * the default linger of the group coordinator delays every round of offset commits.
 */
export function serverProperties({ port, controllerPort, logDir, durable, link }: KafkaSettings): string {
  const host = '127.0.0.1';
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${host}:${controllerPort}`,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controllerPort}${link ? `,LINK://${host}:${link.port}` : ''}`,
    'advertised.listeners': `PLAINTEXT://${host}:${port}${link ? `,LINK://${host}:${link.advertisedPort}` : ''}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logDir,
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'group.coordinator.append.linger.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'num.partitions': 8,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 2,
    'num.recovery.threads.per.data.dir': 2,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'log.cleaner.threads': 1,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.segment.bytes': 16_777_216,
    'log.index.size.max.bytes': 1_048_576,
    ...(durable ? { 'log.flush.interval.messages': 1 } : {}),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
