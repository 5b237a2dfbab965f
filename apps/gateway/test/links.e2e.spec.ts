import { Agent, request } from 'node:http';
import { auth, messaging } from '@magpie/contracts';
import { deferred } from '@magpie/domain';
import { renderMetrics } from '@magpie/observability';
import { encodeFrame, encodeFrames } from '@magpie/wire';
import { ERROR, TcpClient, WsClient, errorOf } from './client.js';
import { until, type Person } from './fake-backend.js';
import { startSystem, type System } from './system.js';

const ann: Person = { userId: 'uann', deviceId: 'device-ann', sessionId: 'sann' };
const SEND = 237;
const NOTHING = new Uint8Array(0);
const sendBody = messaging.SendMessagesRequest.encode({ messages: [] }).finish();

async function closes(cause: string): Promise<number> {
  const { body } = await renderMetrics();
  const line = body.split('\n').find((one) => one.startsWith(`magpie_gateway_link_closes_total{cause="${cause}"}`));
  return Number(line?.split(' ')[1] ?? 0);
}

// Goal: a bad, slow or greedy link harms nobody but itself. Real: the gateway, gRPC and all sockets; the services behind
// and the log are test doubles.
describe('links', () => {
  let system: System;
  let token: string;
  const clients: { close(): void }[] = [];
  const tcp = async (): Promise<TcpClient> => {
    const client = await TcpClient.open(system.tcpPort);
    clients.push(client);
    return client;
  };

  const revoke = (sessionId: string): Promise<void> => {
    const revoked = auth.SessionRevoked.fromPartial({ userId: 'uann', sessionId, deviceId: 'device-ann' });
    const body = auth.SessionRevoked.encode(revoked).finish();
    return system.record({ events: [{ type: 'magpie.auth.v1.SessionRevoked', body, feed: undefined, dedupeId: '' }] });
  };

  beforeAll(async () => {
    system = await startSystem({
      GATEWAY_OPEN_HALF_FRAME_MS: '300',
      GATEWAY_HALF_FRAME_MS: '300',
      GATEWAY_LINK_REQUESTS_PER_SECOND: '50',
      GATEWAY_LINK_REQUESTS_BURST: '40',
    });
    token = await system.backend.token(ann);
  });
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => system.stop());

  it('reads frames that are cut at every byte, and several in one segment', async () => {
    const client = await tcp();
    const bytes = encodeFrames([1, 2, 3].map((sequence) => ({ operation: 6, sequence, body: NOTHING })));
    for (const byte of bytes) {
      client.write(new Uint8Array([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.write(encodeFrames([4, 5, 6].map((sequence) => ({ operation: 6, sequence, body: NOTHING }))));
    await client.answer(6);
    expect(client.frames.map(({ operation, sequence }) => [operation, sequence])).toEqual(
      [1, 2, 3, 4, 5, 6].map((sequence) => [1_000_000_006, sequence]),
    );
  });

  it.each([
    ['length', 'GET / HTTP/1.1\r\n\r\n'],
    ['version', '\0\0\0\x10\0\x10\0\x02\0\0\0\x06\0\0\0\x01'],
    ['header-length', '\0\0\0\x10\0\x08\0\x01\0\0\0\x06\0\0\0\x01'],
    ['length', '\0\x20\0\0\0\x10\0\x01\0\0\0\x06\0\0\0\x01'],
  ])('closes a link with a bad %s and no other', async (cause, text) => {
    const [bad, good] = [await tcp(), await tcp()];
    const before = await closes(cause);
    bad.write(Buffer.from(text, 'latin1'));
    await bad.ended();
    expect(await closes(cause)).toBe(before + 1);
    expect((await good.ask(6)).operation).toBe(1_000_000_006);
  });

  it('takes long frames only from who has said who it is', async () => {
    const [open, known] = [await tcp(), await tcp()];
    const long = new Uint8Array(20_000);
    open.send(SEND, long);
    await open.ended();
    await known.identify(token);
    expect(errorOf(await known.ask(999_999, long))).toBe('UNKNOWN_COMMAND');
  });

  it('closes a link that leaves a frame half done', async () => {
    const client = await tcp();
    client.write(encodeFrame({ operation: 6, sequence: 1, body: NOTHING }).subarray(0, 10));
    await client.ended();
    expect(await closes('half-frame')).toBeGreaterThan(0);
  });

  it('refuses text and cut frames on a WebSocket', async () => {
    const [text, cut] = [await WsClient.open(system.ws), await WsClient.open(system.ws)];
    clients.push(text, cut);
    text.sendText('hello');
    cut.write(encodeFrame({ operation: 6, sequence: 1, body: NOTHING }).subarray(0, 15));
    await Promise.all([text.ended(), cut.ended()]);
    expect([await closes('text-message'), await closes('cut-frame')]).toEqual([1, 1]);
  });

  it('has at most sixteen requests of a link under way', async () => {
    const gate = deferred<void>();
    const before = system.backend.send;
    let running = 0;
    let most = 0;
    system.backend.send = async (request, caller) => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
      return before(request, caller);
    };
    const client = await tcp();
    await client.identify(token);
    const sequences = Array.from({ length: 30 }, () => client.send(SEND, sendBody));
    await until('sixteen under way', () => running === 16);
    const other = await tcp();
    expect((await other.ask(6)).operation).toBe(1_000_000_006);
    gate.resolve();
    await Promise.all(sequences.map((sequence) => client.answer(sequence)));
    system.backend.send = before;
    expect(most).toBe(16);
  });

  it('answers LIMITED past the rate, with the time to wait, and counts no heartbeats', async () => {
    const client = await tcp();
    for (let n = 0; n < 100; n++) client.send(6);
    const sequences = Array.from({ length: 80 }, () => client.send(SEND, sendBody));
    const answers = await Promise.all(sequences.map((sequence) => client.answer(sequence)));
    const codes = answers.map(errorOf);
    expect(codes.filter((code) => code === 'LIMITED').length).toBeGreaterThan(20);
    expect(codes.filter((code) => code === 'SESSION_REQUIRED').length).toBeGreaterThanOrEqual(40);
    expect((await client.ask(6)).operation).toBe(1_000_000_006);
  });

  it('answers what is under way before it closes the links of a revoked session, and takes nothing new', async () => {
    const gate = deferred<void>();
    const before = system.backend.send;
    let served = 0;
    system.backend.send = async (request, caller) => {
      served++;
      await gate.promise;
      return before(request, caller);
    };
    const client = await tcp();
    await client.identify(await system.backend.token({ ...ann, sessionId: 'sleaving' }));
    client.frames.length = 0;
    const sequence = client.send(SEND, sendBody);
    await until('the request under way', () => served === 1);
    await revoke('sleaving');
    client.send(SEND, sendBody);
    gate.resolve();
    await client.ended();
    system.backend.send = before;
    const frames = client.frames.map((frame) => [frame.operation, frame.sequence]);
    expect(frames).toEqual([
      [1_000_000_000 + SEND, sequence],
      [ERROR, 0],
    ]);
    expect([served, errorOf(client.frames[1]!)]).toEqual([1, 'SESSION_REVOKED']);
  });

  it('closes the links of a revoked session at once and knows its tokens no more', async () => {
    const person = { ...ann, sessionId: 'srevoked' };
    const stolen = await system.backend.token(person);
    const [client, neighbour] = [await tcp(), await tcp()];
    await client.identify(stolen);
    await neighbour.identify(token);
    await revoke('srevoked');
    await client.ended();
    const push = client.frames.at(-1)!;
    expect([push.operation, push.sequence, errorOf(push)]).toEqual([ERROR, 0, 'SESSION_REVOKED']);
    await expect((await tcp()).identify(stolen)).rejects.toThrow('SESSION_REVOKED');
    const response = await fetch(`${system.http}/cgi-bin/micromsg-bin/getdevices`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${stolen}` },
    });
    expect([response.status, await response.json()]).toMatchObject([401, { code: 'SESSION_REVOKED' }]);
    expect((await neighbour.ask(6)).operation).toBe(1_000_000_006);
  });
});

// Goal: what the log does not bring, the regular check does. Real and doubled as above.
it('closes links of sessions that auth knows as ended', async () => {
  const system = await startSystem({ GATEWAY_SESSION_CHECK_MS: '100' });
  const client = await TcpClient.open(system.tcpPort);
  await client.identify(await system.backend.token(ann));
  system.backend.revoked.add('sann');
  await client.ended();
  expect(errorOf(client.frames.at(-1)!)).toBe('SESSION_REVOKED');
  await system.stop();
});

// Goal: requests that fail before they reach a service count as well. Real and doubled as above.
it('limits bad tokens and bad JSON on the short link', async () => {
  const system = await startSystem({ GATEWAY_LINK_REQUESTS_PER_SECOND: '1', GATEWAY_LINK_REQUESTS_BURST: '6' });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { 'content-type': 'application/json', authorization: 'Bearer bad' };
  const post = (name: string, body: string) =>
    new Promise<number>((resolve, reject) => {
      const url = `${system.http}/cgi-bin/micromsg-bin/${name}`;
      const sent = request(url, { method: 'POST', agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      });
      sent.on('error', reject).end(body);
    });
  const statuses: number[] = [];
  for (let n = 0; n < 3; n++) statuses.push(await post('newsendmsg', '{}'), await post('manualauth', '{'));
  expect(statuses).toEqual([401, 400, 401, 400, 401, 400]);
  const more = await Promise.all(Array.from({ length: 20 }, () => post('newsendmsg', '{}')));
  agent.destroy();
  await system.stop();
  expect(more).toContain(429);
});

// Goal: a stop sends clients elsewhere and lets what is under way finish. Real and doubled as above.
it('drains: redirect, last answers, then the end', async () => {
  const system = await startSystem({ GATEWAY_DRAIN_MS: '2000' });
  const gate = deferred<void>();
  const before = system.backend.send;
  let running = false;
  system.backend.send = async (request, caller) => {
    running = true;
    await gate.promise;
    return before(request, caller);
  };
  const client = await TcpClient.open(system.tcpPort);
  await client.identify(await system.backend.token(ann));
  const sequence = client.send(SEND, sendBody);
  await until('the request under way', () => running);
  const stopped = system.stop();
  await until('the redirect', () => client.frames.some(({ operation }) => operation === 8));
  gate.resolve();
  expect((await client.answer(sequence)).operation).toBe(1_000_000_000 + SEND);
  await client.ended();
  await stopped;
});
