import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auth, COMMANDS, gateway, messaging, OPERATIONS, wire } from '@magpie/contracts';
import { postCommand, startSystem, WireLink, type RunningSystem } from '@magpie/testing';
import { encodeFrame } from '@magpie/wire';
import { PASSWORD, Person } from '../src/person.js';
import { until } from '../src/until.js';

const ANSWER_MS = 5000;
/** Short, so that a test can see one expire; the SDK renews its own in time. */
const ACCESS_TOKEN_MS = 4000;
/** Of a link that has not said who it is. */
const HALF_FRAME_MS = 1000;

const idOf = (name: string): number => [...COMMANDS.values()].find((command) => command.name === name)!.id;
const nothing = new Uint8Array(0);

// Goal: whatever a client sends, the answer is a clear error or that one link closed; others notice nothing and lose
// nothing. Real: all services, Kafka, MongoDB, TCP and HTTP.
describe('bad input', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-bad-'));
  const unlike = randomBytes(4).toString('hex');
  let system: RunningSystem;
  let alice: Person;
  let bob: Person;
  let said = 0;

  beforeAll(async () => {
    const env = {
      MAGPIE_NAMESPACE: `bad-${unlike}-`,
      AUTH_ACCESS_TOKEN_TTL_MS: String(ACCESS_TOKEN_MS),
      GATEWAY_OPEN_HALF_FRAME_MS: String(HALF_FRAME_MS),
    };
    system = await startSystem({ dataDir: join(folder, 'data'), env });
    alice = await Person.open(system.run, 'tcp', join(folder, 'alice'));
    bob = await Person.open(system.run, 'tcp', join(folder, 'bob'));
    await alice.client.register({ userName: `alice-${unlike}`, password: PASSWORD });
    await bob.client.register({ userName: `bob-${unlike}`, password: PASSWORD });
  }, 90_000);

  afterAll(async () => {
    await Promise.all([alice.client.close(), bob.client.close()]);
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  /** The neighbours talk on as if nothing had happened, and have heard everything once. */
  afterEach(async () => {
    await alice.say(bob.userId, `still here ${++said}`);
    await bob.hears(`still here ${said}`);
    expect(bob.lines).toEqual(Array.from({ length: said }, (_, n) => `still here ${n + 1}`));
    expect(alice.client.link).toMatchObject({ status: 'online' });
  }, 30_000);

  const open = (): Promise<WireLink> => WireLink.open(system.tcp, () => undefined);
  const closes = async (link: WireLink): Promise<void> => {
    let closed = false;
    void link.closed.then(() => (closed = true));
    await until('the link is closed', () => closed, ANSWER_MS);
  };
  const register = async (name: string): Promise<auth.Session> => {
    const device = { deviceId: `device-of-${name}`, name: 'a device', platform: auth.Platform.BOT };
    const request = { userName: `${name}-${unlike}`, password: PASSWORD, nickname: name, device, commandId: name };
    const body = await postCommand(system.http, { name: 'newreg' }, auth.RegisterRequest.encode(request).finish());
    return auth.RegisterResponse.decode(body).session!;
  };
  const identify = (link: WireLink, accessToken: string): Promise<Uint8Array> => {
    const request = gateway.IdentifyRequest.fromPartial({ accessToken });
    return link.request(OPERATIONS.identify, gateway.IdentifyRequest.encode(request).finish(), ANSWER_MS);
  };
  const send = async (
    session: auth.Session,
    part: Partial<messaging.OutgoingMessage>,
  ): Promise<messaging.SendResult> => {
    const message = {
      clientId: randomBytes(6).toString('hex'),
      clientTimeMs: Date.now(),
      to: session.userId,
      content: { content: { $case: 'text' as const, value: { text: 'a text' } } },
      ...part,
    };
    const request = messaging.SendMessagesRequest.fromPartial({ messages: [message] });
    const body = messaging.SendMessagesRequest.encode(request).finish();
    const answer = await postCommand(system.http, { name: 'newsendmsg' }, body, session.accessToken);
    return messaging.SendMessagesResponse.decode(answer).results[0]!;
  };

  it('garbage bytes: that link is closed', async () => {
    const link = await open();
    link.write(randomBytes(4096));
    await closes(link);
  });

  it('a frame of 2 MiB: that link is closed', async () => {
    const link = await open();
    const frame = encodeFrame({ operation: OPERATIONS.heartbeat, sequence: 1, body: nothing });
    new DataView(frame.buffer).setUint32(0, 2 * 1024 * 1024);
    link.write(frame);
    link.write(new Uint8Array(2 * 1024 * 1024));
    await closes(link);
  });

  it('half a frame, and nothing more: that link is closed after a while', async () => {
    const link = await open();
    link.write(encodeFrame({ operation: OPERATIONS.heartbeat, sequence: 1, body: nothing }).subarray(0, 9));
    await closes(link);
  });

  it('a body of 2 MiB on the short link: TOO_LARGE', async () => {
    const session = await register('large');
    const body = new Uint8Array(2 * 1024 * 1024);
    await expect(postCommand(system.http, { name: 'newsendmsg' }, body, session.accessToken)).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
  });

  it('an unknown command: UNKNOWN_COMMAND on both links, and the long one stays', async () => {
    const link = await open();
    await expect(link.request(999_999, nothing, ANSWER_MS)).rejects.toMatchObject({ code: 'UNKNOWN_COMMAND' });
    await expect(postCommand(system.http, { name: 'nosuchthing' }, nothing)).rejects.toMatchObject({
      code: 'UNKNOWN_COMMAND',
    });
    expect(await link.request(OPERATIONS.heartbeat, nothing, ANSWER_MS)).toEqual(nothing);
    link.cut();
  });

  it('a body that is no such message: INVALID, and the link stays', async () => {
    const link = await open();
    await expect(link.request(idOf('newreg'), randomBytes(64), ANSWER_MS)).rejects.toMatchObject({ code: 'INVALID' });
    expect(await link.request(OPERATIONS.heartbeat, nothing, ANSWER_MS)).toEqual(nothing);
    link.cut();
  });

  it('a missing field: INVALID, named', async () => {
    const link = await open();
    const request = auth.LoginRequest.fromPartial({ userName: `alice-${unlike}`, password: PASSWORD, commandId: 'c' });
    await expect(
      link.request(idOf('manualauth'), auth.LoginRequest.encode(request).finish(), ANSWER_MS),
    ).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('device') });
    link.cut();
  });

  it('a command without a session: SESSION_REQUIRED, and the link stays', async () => {
    const link = await open();
    await expect(link.request(idOf('newsync'), nothing, ANSWER_MS)).rejects.toMatchObject({ code: 'SESSION_REQUIRED' });
    expect(await link.request(OPERATIONS.heartbeat, nothing, ANSWER_MS)).toEqual(nothing);
    link.cut();
  });

  it('4 097 characters of text: TOO_LARGE, naming field and bound; 4 096 are sent', async () => {
    const session = await register('wordy');
    const text = (length: number) => ({ content: { $case: 'text' as const, value: { text: 'x'.repeat(length) } } });
    expect(await send(session, { content: text(4097) })).toMatchObject({
      code: wire.Code.TOO_LARGE,
      reason: 'messages[0].content.text: 4097 characters, at most 4096',
    });
    expect(await send(session, { content: text(4096) })).toMatchObject({ code: wire.Code.OK });
  });

  it('a message to nobody: NO_SUCH_PEER', async () => {
    const session = await register('lonely');
    expect(await send(session, { to: 'unobodyatall' })).toMatchObject({ code: wire.Code.NO_SUCH_PEER });
  });

  it('an expired token: SESSION_EXPIRED on both links', async () => {
    const { accessToken, accessExpiresAtMs } = await register('slow');
    await until('the token has expired', () => Date.now() > accessExpiresAtMs, 2 * ACCESS_TOKEN_MS);
    const link = await open();
    await expect(identify(link, accessToken)).rejects.toMatchObject({ code: 'SESSION_EXPIRED' });
    await expect(postCommand(system.http, { name: 'newsync' }, nothing, accessToken)).rejects.toMatchObject({
      code: 'SESSION_EXPIRED',
    });
    link.cut();
  }, 30_000);

  it('a refresh token that is not ours, or of another session: WRONG_CREDENTIALS, and nobody is signed out', async () => {
    const [mine, others] = await Promise.all([register('mine'), register('others')]);
    const refresh = (refreshToken: string) => {
      const request = auth.RefreshRequest.encode({ refreshToken, commandId: randomBytes(6).toString('hex') }).finish();
      return postCommand(system.http, { name: 'autoauth' }, request);
    };
    const [, ...secrets] = mine.refreshToken.split('.');
    const foreign = [others.sessionId, ...secrets].join('.');
    await expect(refresh(foreign)).rejects.toMatchObject({ code: 'WRONG_CREDENTIALS' });
    await expect(refresh('made.up.token')).rejects.toMatchObject({ code: expect.stringMatching(/WRONG_CRED|INVALID/) });
    const renewed = auth.RefreshResponse.decode(await refresh(others.refreshToken)).session!;
    expect(renewed.sessionId).toBe(others.sessionId);
  });
});
