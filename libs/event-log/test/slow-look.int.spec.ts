import { silentLogger } from '@magpie/observability';
import { setTimeout as after } from 'node:timers/promises';
import { kafkaClient } from '../src/kafka-client.js';
import { BROKERS } from './setting.js';

/** A look at the log through a broker that is slow: a dozen round trips. */
const LOOK_MS = 1_300;

// Goal: a connection may wait for a look at the log for longer than TCP may take. Real: Kafka.
describe('a producer whose connection waits for a slow look at the log', () => {
  it('connects once that is over', async () => {
    const looks: number[] = [];
    const admit = async () => {
      await after(LOOK_MS);
      looks.push(performance.now());
    };
    const kafka = kafkaClient({ brokers: BROKERS, clientId: 'slow-look', logger: silentLogger(), admit });
    const producer = kafka.producer({ retry: { retries: 0 } });
    await producer.connect();
    expect(looks).toHaveLength(1);
    await producer.disconnect();
  }, 15_000);
});
