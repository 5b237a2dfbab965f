import { unavailable } from '@magpie/domain';
import { createLogger } from '@magpie/observability';
import kafkajs from 'kafkajs';
import type { Generations } from './generations.js';
import { WATCH_MS } from './limits.js';
import type { LogAdmin } from './log-admin.js';
import { LogWatch } from './log-watch.js';

const { jest } = import.meta;

// Goal: a look that finds the log wrong is told of; one that finds nobody is not, since that passes.

async function toldOf(error: Error): Promise<string> {
  const lines: string[] = [];
  const watch = new LogWatch({
    admin: {} as LogAdmin,
    generations: { lengths: () => Promise.resolve(undefined) } as unknown as Generations,
    topics: ['messaging.message.v1'],
    physical: (topic) => topic,
    ensureTopics: () => Promise.reject(error),
    logger: createLogger({ name: 'log', destination: { write: (line) => lines.push(line) } }),
  });
  await jest.advanceTimersByTimeAsync(WATCH_MS);
  await watch.close();
  return lines.join('');
}

describe('LogWatch', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('tells of topics that are not what they must be', async () => {
    const line = await toldOf(new Error('topic a has 3 partitions, the registry says 4'));
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', err: { message: expect.stringContaining('registry') } });
  });

  it('says nothing while Kafka is away', async () => {
    const refused = new kafkajs.KafkaJSConnectionError('refused');
    const absent = new Error('topics did not appear', { cause: refused });
    for (const error of [unavailable('Kafka'), refused, absent]) expect(await toldOf(error)).toBe('');
  });
});
