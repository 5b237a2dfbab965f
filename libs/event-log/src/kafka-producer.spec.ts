import type { Kafka } from 'kafkajs';
import { kafkaProducer } from './kafka-producer.js';
import { SEND_MAX_MS } from './limits.js';

const { jest } = import.meta;

// Goal: a broker that takes connections and answers nothing costs a request so long, not the minutes that kafkajs tries.
// Real: nothing but the bound; the send never settles.
describe('a send that gets no answer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const producerOf = (send: () => Promise<unknown>) =>
    kafkaProducer({ producer: () => ({ connect: async () => undefined, send }) } as unknown as Kafka, 'topic');

  it('is given up in time', async () => {
    let settled = false;
    const sending = producerOf(() => new Promise(() => undefined)).send([]);
    const givenUp = expect(sending.finally(() => (settled = true))).rejects.toThrow(`within ${SEND_MAX_MS} ms`);
    await jest.advanceTimersByTimeAsync(SEND_MAX_MS - 1);
    expect(settled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await givenUp;
  });

  it('leaves nothing behind when the answer came', async () => {
    const answers = [{ partition: 1, baseOffset: '7', logAppendTime: '9' }];
    const answered = await producerOf(async () => answers).send([]);
    expect([...answered]).toEqual([[1, { baseOffset: 7, appendedAtMs: 9 }]]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
