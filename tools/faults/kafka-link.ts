import { join } from 'node:path';

import { openPortMemory, startTcpProxy, writeFileAtomic, type KafkaLink, type TcpProxy } from '@magpie/testing';

import { kafkaLinkFileOf } from '../start/fault-files.js';

/** Puts a proxy before the Kafka of the system that is started in `dataDir` next: its services find it there alone. */
export async function openKafkaLink(dataDir: string): Promise<TcpProxy> {
  const ports = await openPortMemory(join(dataDir, 'ports.json'));
  const port = await ports.choose('kafka-link');
  const proxy = await startTcpProxy({ target: { port } });
  const link: KafkaLink = { port, advertisedPort: proxy.port };
  try {
    await writeFileAtomic(kafkaLinkFileOf(dataDir), JSON.stringify(link));
  } catch (error) {
    await proxy.close();
    throw error;
  }
  return proxy;
}
