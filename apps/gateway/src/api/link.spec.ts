import { OPERATIONS, gateway } from '@magpie/contracts';
import { FrameDecoder, encodeFrames, type Frame } from '@magpie/wire';
import { Allowance } from '../domain/allowance.js';
import { LAST_ANSWERS_WAIT_MS, WRITE_BUFFER_MAX, WRITE_BUFFER_NOTICE_ONLY } from '../domain/limits.js';
import { Corks } from './corks.js';
import { Link, type LinkSocket } from './link.js';

const NOTHING = new Uint8Array(0);
const rates = { requestsPerSecond: 100, requestsBurst: 100, bytesPerSecond: 1000, bytesBurst: 1000 };
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const entry = (previousKey: number, key: number) => ({ previousKey, key, item: new Uint8Array([8, key]), own: false });

/** A socket that only takes notes. */
class NotedSocket implements LinkSocket {
  readonly transport = 'tcp';
  buffered = 0;
  paused = false;
  over = false;
  readonly writes: Frame[][] = [];

  write(bytes: Uint8Array): void {
    const decoder = new FrameDecoder();
    decoder.push(bytes);
    const frames: Frame[] = [];
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    this.writes.push(frames);
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.over = true;
  }
  destroy(): void {
    this.over = true;
  }
}

// Goal: what goes out is bounded and leaves together; what comes in waits when enough is under way. Real: the link; its
// socket is a test double.
describe('Link', () => {
  const make = (serve: (link: Link, frame: Frame) => Promise<void> | undefined = () => undefined) => {
    const socket = new NotedSocket();
    const causes: string[] = [];
    const allowance = new Allowance(rates, 0);
    const closed = (_: Link, cause: string) => void causes.push(cause);
    const link = new Link({ socket, trusted: true, allowance, corks: new Corks(), serve, closed });
    link.identified = true;
    return { link, socket, causes };
  };

  it('sends what is ready in one turn in one write, notices last', async () => {
    const { link, socket } = make();
    link.send(1, 1, NOTHING);
    link.chain.entry(entry(0, 5));
    link.wake();
    link.send(2, 2, NOTHING);
    await nextTurn();
    expect(socket.writes.map((frames) => frames.map(({ operation }) => operation))).toEqual([
      [1, 2, OPERATIONS.notice],
    ]);
  });

  it('keeps notices back from a slow reader, and then sends one without items', async () => {
    const { link, socket } = make();
    socket.buffered = WRITE_BUFFER_NOTICE_ONLY;
    for (const key of [1, 2, 3]) {
      link.chain.entry(entry(key - 1, key));
      link.wake();
      await nextTurn();
    }
    expect(socket.writes).toEqual([]);
    socket.buffered = 0;
    link.drained();
    await nextTurn();
    expect(socket.writes).toHaveLength(1);
    expect(gateway.Notice.decode(socket.writes[0]![0]!.body)).toEqual({ fromKey: 0, toKey: 3, items: [] });
  });

  it('closes a reader that is far behind', async () => {
    const { link, socket, causes } = make();
    socket.buffered = WRITE_BUFFER_MAX + 1;
    link.send(1, 1, NOTHING);
    await nextTurn();
    expect([socket.over, causes]).toEqual([true, ['slow-reader']]);
  });

  it('reads no further than sixteen requests, and goes on as they are answered', async () => {
    const settle: (() => void)[] = [];
    const { link, socket } = make(() => new Promise((resolve) => settle.push(resolve)));
    const sequences = Array.from({ length: 20 }, (_, n) => n + 1);
    link.received(encodeFrames(sequences.map((sequence) => ({ operation: 1, sequence, body: NOTHING }))));
    expect([settle.length, socket.paused]).toEqual([16, true]);
    settle.splice(0, 3).forEach((done) => done());
    await nextTurn();
    expect([settle.length, socket.paused]).toEqual([16, true]);
    settle.splice(0, 10).forEach((done) => done());
    await nextTurn();
    expect([settle.length, socket.paused]).toEqual([7, false]);
  });

  const revoked = { code: 7, message: 'over', retryAfterMs: 0, details: [] };
  const request = (sequence: number) => encodeFrames([{ operation: 1, sequence, body: NOTHING }]);

  it('answers what is under way before its last words, and takes and tells nothing new', async () => {
    const settle: (() => void)[] = [];
    const { link, socket, causes } = make(
      (served, frame) => new Promise((done) => settle.push(() => (served.answer(frame, NOTHING), done()))),
    );
    link.received(request(1));
    link.dismissAfterAnswers('session-revoked', revoked);
    link.received(request(2));
    link.chain.entry(entry(0, 5));
    link.wake();
    await nextTurn();
    expect([settle.length, socket.paused, socket.writes]).toEqual([1, true, []]);
    settle[0]!();
    await nextTurn();
    const sent = socket.writes.flat().map(({ operation, sequence }) => [operation, sequence]);
    expect(sent).toEqual([
      [OPERATIONS.answer + 1, 1],
      [OPERATIONS.error, 0],
    ]);
    expect([socket.over, causes, settle.length]).toEqual([true, ['session-revoked'], 1]);
  });

  it('waits for answers only so long', () => {
    const { jest } = import.meta;
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { link, socket, causes } = make(() => new Promise(() => undefined));
    link.received(request(1));
    link.dismissAfterAnswers('session-revoked', revoked);
    jest.advanceTimersByTime(LAST_ANSWERS_WAIT_MS - 1);
    expect(causes).toEqual([]);
    jest.advanceTimersByTime(1);
    jest.useRealTimers();
    expect(socket.writes.flat()).toMatchObject([{ operation: OPERATIONS.error, sequence: 0 }]);
    expect(causes).toEqual(['session-revoked']);
  });

  it('tells its last words before it ends', () => {
    const { link, socket, causes } = make();
    link.dismiss('session-revoked', { code: 7, message: 'over', retryAfterMs: 0, details: [] });
    expect(socket.writes[0]![0]).toMatchObject({ operation: OPERATIONS.error, sequence: 0 });
    expect([socket.over, causes]).toEqual([true, ['session-revoked']]);
  });
});
