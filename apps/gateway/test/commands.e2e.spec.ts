import { auth, messaging, wire } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import { encodeFrame } from '@magpie/wire';
import { TcpClient, WsClient, errorOf, type Client } from './client.js';
import type { Person } from './fake-backend.js';
import { startSystem, type System } from './system.js';

const ann: Person = { userId: 'uann', deviceId: 'device-ann', sessionId: 'sann' };
const SEND = 237;
const request = messaging.SendMessagesRequest.fromPartial({
  messages: [
    {
      clientId: 'c1',
      clientTimeMs: 2 ** 42,
      to: 'ubob',
      content: { content: { $case: 'text', value: { text: 'hi' } } },
    },
  ],
});
const body = messaging.SendMessagesRequest.encode(request).finish();

// Goal: one command answers the same over TCP, WebSocket and HTTP. Real: the gateway, gRPC and all sockets; the
// services behind are test doubles.
describe('commands', () => {
  let system: System;
  let token: string;
  const clients: Client[] = [];
  const long = async (kind: 'tcp' | 'ws'): Promise<Client> => {
    const client = kind === 'tcp' ? await TcpClient.open(system.tcpPort) : await WsClient.open(system.ws);
    clients.push(client);
    return client;
  };
  const post = (name: string, init: { body: Uint8Array | string; type: string; headers?: Record<string, string> }) =>
    fetch(`${system.http}/cgi-bin/micromsg-bin/${name}`, {
      method: 'POST',
      body: init.body,
      headers: { 'content-type': init.type, ...init.headers },
    });
  const bearer = () => ({ authorization: `Bearer ${token}` });

  beforeAll(async () => {
    system = await startSystem();
    token = await system.backend.token(ann);
  });
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => system.stop());

  it('gives byte-equal answers on all links', async () => {
    const answers: Uint8Array[] = [];
    for (const kind of ['tcp', 'ws'] as const) {
      const client = await long(kind);
      expect(await client.identify(token)).toMatchObject({ userId: 'uann', deviceId: 'device-ann' });
      const frame = await client.ask(SEND, body);
      expect(frame.operation).toBe(1_000_000_000 + SEND);
      answers.push(frame.body);
    }
    const response = await post('newsendmsg', { body, type: 'application/x-protobuf', headers: bearer() });
    expect(response.status).toBe(200);
    answers.push(await response.bytes());
    expect(Buffer.from(answers[0]!).equals(answers[1]!)).toBe(true);
    expect(Buffer.from(answers[0]!).equals(answers[2]!)).toBe(true);
    const decoded = messaging.SendMessagesResponse.decode(answers[0]!);
    expect(decoded.results[0]).toMatchObject({ clientId: 'c1', messageId: 'mc1' });
  });

  it('tells the service who asks, beside the body', async () => {
    await post('newsendmsg', {
      body,
      type: 'application/x-protobuf',
      headers: { ...bearer(), 'magpie-user': 'uevil' },
    });
    expect(system.backend.callers.at(-1)).toMatchObject({ kind: 'CLIENT', ...ann });
  });

  it('means the same in JSON as in protobuf, field by field', async () => {
    const json = JSON.stringify({
      messages: [{ clientId: 'c1', clientTimeMs: String(2 ** 42), to: 'ubob', content: { text: { text: 'hi' } } }],
    });
    let seen: messaging.SendMessagesRequest | undefined;
    const before = system.backend.send;
    system.backend.send = (got, caller) => ((seen = got), before(got, caller));
    const response = await post('newsendmsg', { body: json, type: 'application/json', headers: bearer() });
    system.backend.send = before;
    expect(seen).toEqual(request);
    expect(await response.json()).toEqual({
      results: [{ clientId: 'c1', code: 'OK', messageId: 'mc1', serverTimeMs: '5' }],
    });
    expect(response.headers.get('x-request-id')).toMatch(/^r[0-9a-f]{32}$/);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('answers in the form that Accept names', async () => {
    const headers = { ...bearer(), accept: 'application/json' };
    const response = await post('newsendmsg', { body, type: 'application/x-protobuf', headers });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({ results: [{ messageId: 'mc1' }] });
  });

  it.each([
    ['{"messages":[{"clientId":"c1","colour":"red"}]}', 'messages[0].colour'],
    ['{"messages":[{"clientTimeMs":"soon"}]}', 'messages[0].client_time_ms'],
    ['{"messages":', 'body'],
  ])('names what is wrong in %s', async (json, field) => {
    const response = await post('newsendmsg', { body: json, type: 'application/json', headers: bearer() });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'INVALID', details: [{ field }] });
  });

  it('serves open commands without a session and the others not', async () => {
    const login = auth.LoginRequest.encode(auth.LoginRequest.fromPartial({ userName: 'ann' })).finish();
    for (const kind of ['tcp', 'ws'] as const) {
      const client = await long(kind);
      expect(await client.error(SEND, body)).toBe('SESSION_REQUIRED');
      const frame = await client.ask(253, login);
      expect(auth.LoginResponse.decode(frame.body).session).toMatchObject({ userId: 'ua', serverTimeMs: 2 ** 45 });
    }
    const refused = await post('newsendmsg', { body, type: 'application/x-protobuf' });
    expect([refused.status, wire.Error.decode(await refused.bytes()).code]).toEqual([401, wire.Code.SESSION_REQUIRED]);
    const stale = await post('manualauth', {
      body: '{}',
      type: 'application/json',
      headers: { authorization: 'Bearer x' },
    });
    expect(stale.status).toBe(200);
  });

  it('tells good tokens from expired, foreign and missing ones', async () => {
    const status = async (authorization: string) => {
      const response = await post('getdevices', { body: '{}', type: 'application/json', headers: { authorization } });
      return ((await response.json()) as { code?: string }).code;
    };
    expect(await status(`Bearer ${token}`)).toBeUndefined();
    expect(await status(`Bearer ${await system.backend.token(ann, -5)}`)).toBe('SESSION_EXPIRED');
    expect(await status('Bearer garbage')).toBe('SESSION_REQUIRED');
    expect(await status('Basic abc')).toBe('SESSION_REQUIRED');
    const client = await long('tcp');
    await expect(client.identify(await system.backend.token(ann, -5))).rejects.toThrow('SESSION_EXPIRED');
    await expect(client.identify(`${token.slice(0, -6)}AAAAAA`)).rejects.toThrow('SESSION_REQUIRED');
    expect(await client.identify(token)).toMatchObject({ userId: 'uann' });
    const bob = await system.backend.token({ userId: 'ubob', deviceId: 'device-bob', sessionId: 'sbob' });
    await expect(client.identify(bob)).rejects.toThrow('FORBIDDEN');
    expect(await client.identify(token)).toMatchObject({ userId: 'uann' });
  });

  it('knows what is not there', async () => {
    const client = await long('tcp');
    expect(await client.error(999_999)).toBe('UNKNOWN_COMMAND');
    client.write(encodeFrame({ operation: SEND, sequence: 0, body }));
    expect(errorOf(await client.answer(0))).toBe('INVALID');
    expect((await client.ask(6)).operation).toBe(1_000_000_006);
    const json = 'application/json';
    expect((await post('nosuchthing', { body: '{}', type: json })).status).toBe(404);
    expect((await post('newsendmsg', { body: '{}', type: 'text/plain' })).status).toBe(415);
    const got = await fetch(`${system.http}/cgi-bin/micromsg-bin/newsendmsg`);
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    const large = await post('newsendmsg', { body: new Uint8Array(1024 * 1024 + 1), type: json, headers: bearer() });
    expect([large.status, await large.json()]).toMatchObject([413, { code: 'TOO_LARGE' }]);
  });

  it('passes on what a service refuses, with its retry time', async () => {
    const before = system.backend.send;
    system.backend.send = () => Promise.reject(unavailable('the log', 3000));
    const response = await post('newsendmsg', { body, type: 'application/json; charset=utf-8', headers: bearer() });
    const refused = await post('newsendmsg', { body: '{}', type: 'application/json', headers: bearer() });
    system.backend.send = before;
    expect(response.status).toBe(400);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '3']);
    expect(await refused.json()).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: '3000' });
  });

  it('lets a browser ask first', async () => {
    const url = `${system.http}/cgi-bin/micromsg-bin/newsendmsg`;
    const preflight = await fetch(url, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
  });
});
