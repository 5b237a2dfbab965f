import { Peers } from '@magpie/grpc';
import type { ConsumerSpec, LogRecord } from '@magpie/event-log';
import { silentLogger } from '@magpie/observability';
import type { Component, ServiceBase } from '@magpie/service';
import type { Door } from '../src/api/door.js';
import { gateway } from '../src/gateway.module.js';
import { CREDENTIAL, FakeBackend } from './fake-backend.js';

/** The gateway as it runs, before a test double of the services and a log that the test writes by hand. */
export interface System {
  readonly backend: FakeBackend;
  readonly http: string;
  readonly ws: string;
  readonly tcpPort: number;
  /** What the log brings. */
  record(record: Pick<LogRecord, 'events'>): Promise<void>;
  stop(): Promise<void>;
}

export async function startSystem(env: NodeJS.ProcessEnv = {}): Promise<System> {
  const backend = new FakeBackend();
  await backend.start();
  const { address } = backend;
  const endpoints = { auth: [address], messaging: [address], social: [address], sync: [address] };
  const peers = new Peers({ endpoints, credential: CREDENTIAL, logger: silentLogger() });
  const log = new HandWrittenLog();
  const base = { logger: silentLogger(), peers, log, instance: 0, instanceId: 'test' } as unknown as ServiceBase;
  const config = gateway.config({ GATEWAY_HTTP_PORT: '0', GATEWAY_TCP_PORT: '0', GATEWAY_DRAIN_MS: '200', ...env });
  const components = componentsOf(gateway.module(base, config).providers ?? []);
  for (const component of components) {
    await component.start?.();
    await component.join?.();
  }
  const { ports } = components.at(-1) as Door;
  return {
    backend,
    http: `http://127.0.0.1:${ports.http}`,
    ws: `ws://127.0.0.1:${ports.http}/ws`,
    tcpPort: ports.tcp,
    record: (record) => log.record(record),
    async stop() {
      for (const component of components.toReversed()) await component.stop?.();
      await peers.close();
      await backend.stop();
    },
  };
}

function componentsOf(providers: readonly unknown[]): Component[] {
  const values = new Map(
    (providers as { provide: unknown; useValue: Component }[]).map((one) => [one.provide, one.useValue]),
  );
  return gateway.components.map((token) => values.get(token)!);
}

/** One partition that has caught up; what the test records is processed at once. */
class HandWrittenLog {
  readonly hotPartitions = 1;
  private process: ((records: LogRecord[]) => Promise<void>) | undefined;
  private offset = 0;

  async consume(spec: ConsumerSpec): Promise<{ stop(): Promise<void> }> {
    const topic = spec.topics[0]!;
    const work = await spec.gain({ topic, partition: 0, epoch: 1, checkpoint: undefined, logEnd: 0 });
    this.process = (records) => work.process(records);
    work.caughtUp?.();
    return { stop: () => Promise.resolve() };
  }

  async record({ events }: Pick<LogRecord, 'events'>): Promise<void> {
    const offset = this.offset++;
    await this.process?.([{ partition: 0, offset, appendedAtMs: Date.now(), events } as unknown as LogRecord]);
  }
}
