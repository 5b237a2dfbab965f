import type { sync } from '@magpie/contracts';
import type { PeerStream, Peers } from '@magpie/grpc';
import { createLogger } from '@magpie/observability';
import { FeedStreams } from './feed-streams.client.js';

type Stream = PeerStream<sync.AttachRequest, sync.AttachResponse>;

/** An instance that says something in the given lives of its stream and breaks every one. */
function breaking(heardIn: readonly number[], lives: number) {
  const over = Promise.withResolvers<void>();
  let life = 0;
  const duplex = (): Stream => {
    life += 1;
    const says = heardIn.includes(life);
    if (life > lives) over.resolve();
    const read = (async function* () {
      await Promise.resolve();
      if (says) yield {} as sync.AttachResponse;
      throw new Error('broken');
    })();
    return {
      read,
      write: () => Promise.resolve(),
      onClose: () => undefined,
      close: () => undefined,
    } as unknown as Stream;
  };
  const peers = { addresses: () => ['sync:1'], duplex } as unknown as Pick<Peers, 'addresses' | 'duplex'>;
  return { peers, over: over.promise };
}

// Goal: the way back to an instance that was away is tried often and told rarely. Real: the client; the streams are not.
describe('FeedStreams', () => {
  it('tells once that an instance is away, and again when it was back meanwhile', async () => {
    // Goal: lives 2 and 3 fail like the first and say nothing new; the fourth was heard, so that it broke is news.
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const { peers, over } = breaking([4], 5);
    const streams = new FeedStreams(peers, createLogger({ name: 'test', level: 'warn', destination }));
    const gone: string[] = [];
    streams.start({ message: () => undefined, gone: (address) => gone.push(address) });
    await over;
    await streams.stop();
    expect(gone.length).toBeGreaterThanOrEqual(5);
    expect(lines.filter((line) => line.includes('a feed stream failed'))).toHaveLength(2);
  });
});
