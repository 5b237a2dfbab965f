import { sync } from '@magpie/contracts';
import { DomainError, deferred } from '@magpie/domain';
import type { DuplexStream, PeerStream } from '../src/index.js';
import { WAYS, peersOf, socketStreams, startServer } from './fixture.js';

type Serving = DuplexStream<sync.AttachRequest, sync.AttachResponse>;
type Calling = PeerStream<sync.AttachRequest, sync.AttachResponse>;

let within = false;
const opened: { close(deadlineMs: number): unknown }[] = [];
const closing = <T extends { close(deadlineMs: number): unknown }>(one: T): T => (opened.push(one), one);

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close(100)));
});

async function serving(attach: (stream: Serving) => Promise<void>, credential?: string) {
  const { server, address } = await startServer({}, attach);
  closing(server);
  const peers = closing(peersOf([address], credential, within));
  socketStreams.mockClear();
  const stream: Calling = peers.duplex('auth', address, sync.SyncServiceDefinition, 'attach');
  expect(socketStreams).toHaveBeenCalledTimes(within ? 0 : 1);
  return { server, stream };
}

const attach = (...users: string[]) => sync.AttachRequest.fromPartial({ attach: users });
const newest = (userId: string, newestKey: number) =>
  sync.AttachResponse.fromPartial({ attached: [{ userId, newestKey }] });
const over = (stream: Calling) => new Promise<Error | undefined>((resolve) => stream.onClose(resolve));

describe.each(WAYS)('duplex streams $way', ({ inProcess }) => {
  beforeAll(() => {
    within = inProcess;
  });

  it('carry messages both ways in order', async () => {
    // Goal: more messages than any buffer holds, each answered, none lost or reordered.
    const { stream } = await serving(async ({ read, write }) => {
      for await (const request of read) await write(newest(request.attach[0] ?? '', request.attach.length));
    });
    const users = Array.from({ length: 1_000 }, (_, index) => `u${index}`);
    void (async () => {
      for (const user of users) await stream.write(attach(user));
    })();
    const answers: string[] = [];
    for await (const response of stream.read) {
      answers.push(response.attached[0]?.userId ?? '');
      if (answers.length === users.length) break;
    }
    expect(answers).toEqual(users);
  });

  it('tell the serving end when the caller leaves', async () => {
    // Goal: signal and closed come without anything being read or written.
    const seen = deferred<boolean>();
    const { stream } = await serving(async ({ write, closed, signal }) => {
      await write(newest('u1', 1));
      await closed;
      await write(newest('u1', 2));
      seen.resolve(signal.aborted);
    });
    for await (const response of stream.read) {
      expect(response.attached[0]?.newestKey).toBe(1);
      break;
    }
    stream.close();
    expect(await seen.promise).toBe(true);
    expect(await over(stream)).toBeUndefined();
  });

  it('tell the calling end when the server goes, though nobody reads', async () => {
    // Goal: the end is noticed behind unread messages.
    const { server, stream } = await serving(async ({ write, closed }) => {
      for (let key = 1; key <= 20; key += 1) await write(newest('u1', key));
      await closed;
    });
    const ended = over(stream);
    await stream.write(attach('u1'));
    await server.close(50);
    await ended;
  });

  it('end with the error that the handler throws, and are closed to strangers', async () => {
    // Goal: expected errors arrive whole; without the credential nothing is opened.
    const refused = new DomainError('conflict', 'CONFLICT', 'not now');
    const { stream } = await serving(() => Promise.reject(refused));
    expect(await over(stream)).toMatchObject({ code: 'CONFLICT', message: 'not now' });
    let reached = false;
    const stranger = await serving(async () => void (reached = true), 'another secret');
    expect(await over(stranger.stream)).toMatchObject({ code: 'INTERNAL' });
    expect(reached).toBe(false);
  });

  it('are asked to end by `closed` too, and may say a last word', async () => {
    // Goal: a handler that only waits does not hold a closing server up.
    const reached = deferred<void>();
    const { server, stream } = await serving(async ({ write, closed }) => {
      reached.resolve();
      await closed;
      await write(newest('u1', 9));
    });
    await reached.promise;
    const closing = server.close(10_000);
    const words: number[] = [];
    for await (const response of stream.read) words.push(response.attached[0]?.newestKey ?? 0);
    await closing;
    expect(words).toEqual([9]);
  });

  it('are asked to end when the server closes', async () => {
    // Goal: a handler that follows its signal ends in order, well before the deadline.
    const reached = deferred<void>();
    const { server, stream } = await serving(async ({ read }) => {
      for await (const request of read) reached.resolve(void request);
    });
    const ended = over(stream);
    await stream.write(attach('u1'));
    await reached.promise;
    await server.close(10_000);
    expect(await ended).toBeUndefined();
  });
});
