import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSystem, type RunningSystem } from '@magpie/testing';
import {
  COMMANDS,
  ContractError,
  encode,
  LongLink,
  ShortLink,
  writeFrame,
  type CommandName,
  type Json,
} from '../src/contract-client.js';
import { until } from '../src/until.js';

const START_MS = 90_000;
const TEST_MS = 30_000;
const PASSWORD = 'correct horse battery';
const CLOCK_TOLERANCE_MS = 60_000;
const FROM_THE_START = { entries: [{ selector: 0, number: '0' }] };

const run = randomBytes(4).toString('hex');
const commandId = () => randomBytes(12).toString('hex');
const unlike = (text: string) => `${text}-${run}`;

/** One way in, and somebody who came in by it. */
interface Door {
  readonly name: string;
  call(name: CommandName, body?: Json): Promise<Json>;
  /** From here on the door speaks for the session. */
  signIn(session: Session): Promise<void>;
}
interface Session extends Json {
  userId: string;
  sessionId: string;
  accessToken: string;
  refreshToken: string;
}

// Goal: a client written from the contract's text alone can do everything the contract promises, the same on every
// link and in both encodings. Real: all services, Kafka, MongoDB, sockets; none of our libraries in the client.
describe('the client contract', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-contract-'));
  let system: RunningSystem;
  const links: LongLink[] = [];
  const doors: Door[] = [];
  const people: Session[] = [];

  const shortDoor = (name: string, encoding: 'json' | 'protobuf'): Door => {
    const link = new ShortLink(system.http, encoding);
    return {
      name,
      call: (command, body) => link.call(command, body),
      signIn: async ({ accessToken }) => void (link.accessToken = accessToken),
    };
  };
  const longDoor = (name: string, link: LongLink): Door => {
    links.push(link);
    return {
      name,
      call: (command, body) => link.call(command, body),
      signIn: async ({ accessToken }) => void (await link.call('identify', { accessToken })),
    };
  };
  const refusal = async (answer: Promise<unknown>): Promise<unknown> => {
    const error = await answer.then(
      () => 'no error',
      (thrown: unknown) => thrown,
    );
    return error instanceof ContractError ? error.code : error;
  };
  const everyDoor = (run: (door: Door, session: Session, index: number) => Promise<void>) =>
    Promise.all(doors.map((door, index) => run(door, people[index]!, index)));
  const say = (to: string, text: string, more: Json = {}): Json => ({
    clientId: commandId(),
    clientTimeMs: String(Date.now()),
    to,
    content: { text: { text } },
    ...more,
  });
  const resultsOf = async (door: Door, ...messages: Json[]): Promise<Json[]> =>
    (await door.call('newsendmsg', { messages }))['results'] as Json[];

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env: { MAGPIE_NAMESPACE: `contract-${run}-` } });
    doors.push(
      shortDoor('HTTP with JSON', 'json'),
      shortDoor('HTTP with protobuf', 'protobuf'),
      longDoor('TCP', await LongLink.tcp(system.tcp)),
      longDoor('WebSocket', await LongLink.webSocket(system.ws)),
    );
  }, START_MS);

  afterAll(async () => {
    for (const link of links) link.close();
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it(
    'registers and logs in on every door',
    async () => {
      for (const [index, door] of doors.entries()) {
        const device = { deviceId: unlike(`device-${index}`), name: door.name, platform: 'DESKTOP' };
        const userName = unlike(`person${index}`);
        const request = { userName, password: PASSWORD, nickname: door.name, device, commandId: commandId() };
        const { session } = (await door.call('newreg', request)) as { session: Session };
        expect(session.userId).toMatch(/^u[\x21-\x7e]{1,39}$/);
        expect(session.sessionId).toMatch(/^s[\x21-\x7e]{1,39}$/);
        expect(Math.abs(Number(session['serverTimeMs']) - Date.now())).toBeLessThan(CLOCK_TOLERANCE_MS);
        expect(Number(session['accessExpiresAtMs'])).toBeGreaterThan(Date.now());

        const again = { userName, password: PASSWORD, device, commandId: commandId() };
        const login = (await door.call('manualauth', again)) as { session: Session };
        expect(login.session.userId).toBe(session.userId);
        expect(
          await refusal(door.call('manualauth', { ...again, password: 'x'.repeat(8), commandId: commandId() })),
        ).toBe('WRONG_CREDENTIALS');
        expect(await refusal(door.call('newreg', { ...request, commandId: commandId() }))).toBe('ALREADY_EXISTS');
        const refresh = { refreshToken: login.session.refreshToken, commandId: commandId() };
        const refreshed = (await door.call('autoauth', refresh)) as { session: Session };
        expect(refreshed.session).toMatchObject({ userId: session.userId, sessionId: login.session.sessionId });
        expect(refreshed.session.refreshToken).not.toBe(login.session.refreshToken);
        people.push(refreshed.session);
      }
    },
    TEST_MS,
  );

  it(
    'serves no command that needs a session before there is one, and the door stays open',
    async () => {
      await everyDoor(async (door) => {
        expect(await refusal(door.call('newsync', { syncKey: FROM_THE_START }))).toBe('SESSION_REQUIRED');
      });
      const strange = await new ShortLink(system.http, 'json').post('nosuchcommand', Buffer.from('{}'));
      expect(strange.status).toBe(404);
      expect(await refusal(links[0]!.callRaw(999, Buffer.alloc(0)))).toMatch(/SESSION_REQUIRED|UNKNOWN_COMMAND/);
      await everyDoor((door, session) => door.signIn(session));
      expect(await refusal(links[0]!.callRaw(999, Buffer.alloc(0)))).toBe('UNKNOWN_COMMAND');
    },
    TEST_MS,
  );

  it(
    'says what is wrong with a request, and asks for a command id',
    async () => {
      await everyDoor(async (door) => {
        expect(await refusal(door.call('newreg', { userName: 'x', password: PASSWORD }))).toBe('INVALID');
        expect(await refusal(door.call('newsync', { syncKey: FROM_THE_START, limit: 201 }))).toBe('INVALID');
      });
    },
    TEST_MS,
  );

  it(
    'finds people by name and shows their profile',
    async () => {
      await everyDoor(async (door, _session, index) => {
        const other = people[(index + 1) % people.length]!;
        const query = unlike(`person${(index + 1) % people.length}`);
        const users = async () => ((await door.call('searchcontact', { query }))['users'] ?? []) as Json[];
        await until(`${query} is found`, async () => (await users()).length > 0);
        expect(await users()).toMatchObject([{ userId: other.userId, userName: query }]);
        const { profile } = await door.call('getprofile', { userId: other.userId });
        expect(profile).toMatchObject({ userId: other.userId, userName: query });
      });
    },
    TEST_MS,
  );

  it(
    'sends, answers a retry the same, and judges each message for itself',
    async () => {
      await everyDoor(async (door, _session, index) => {
        const message = say(people[(index + 1) % people.length]!.userId, `from ${door.name}`);
        const [sent] = await resultsOf(door, message);
        expect(sent).toMatchObject({
          clientId: message['clientId'],
          code: 'OK',
          messageId: expect.stringMatching(/^m/),
        });
        expect(Math.abs(Number(sent!['serverTimeMs']) - Date.now())).toBeLessThan(CLOCK_TOLERANCE_MS);
        const [again] = await resultsOf(door, message);
        expect(again).toMatchObject({ code: 'OK', messageId: sent!['messageId'] });
        const nobody = `u${'a'.repeat(26)}`;
        const results = await resultsOf(door, say(nobody, 'anybody?'), say(message['to'] as string, 'second'));
        expect(results.map(({ code }) => code)).toEqual(['NO_SUCH_PEER', 'OK']);
      });
    },
    TEST_MS,
  );

  it(
    'brings messages by newinit and newsync, once, and confirms by the key',
    async () => {
      await everyDoor(async (door, session, index) => {
        const from = people[(index + people.length - 1) % people.length]!;
        const expected = [`from ${doors[(index + people.length - 1) % people.length]!.name}`, 'second'];
        const heard = async () => {
          const { items = [], syncKey } = (await door.call('newsync', { syncKey: FROM_THE_START })) as {
            items?: Json[];
            syncKey: Json;
          };
          const messages = items.map((item) => item['message'] as Json | undefined);
          return { syncKey, messages: messages.filter((message) => message?.['from'] === from.userId) as Json[] };
        };
        await until(`${door.name} hears`, async () => (await heard()).messages.length === expected.length);
        const { messages, syncKey } = await heard();
        expect(messages.map(textOf)).toEqual(expected);
        expect(messages[0]).toMatchObject({ to: session.userId, peer: from.userId });
        expect(messages[0]).not.toHaveProperty('clientId');
        expect(BigInt(messages[1]!['position'] as string)).toBeGreaterThan(BigInt(messages[0]!['position'] as string));
        const confirmed = await door.call('newsync', { syncKey });
        expect(confirmed['items'] ?? []).toEqual([]);

        const init = await door.call('newinit', { commandId: commandId() });
        expect(((init['items'] ?? []) as Json[]).map((item) => textOf(item['message']))).toEqual(
          expect.arrayContaining(expected),
        );
        expect(init['syncKey']).toBeDefined();
      });
    },
    TEST_MS,
  );

  it(
    'gives the same history, field by field and byte by byte, on every link',
    async () => {
      const reader = people[0]!;
      const peer = people[1]!.userId;
      const tcp = await LongLink.tcp(system.tcp);
      const webSocket = await LongLink.webSocket(system.ws);
      links.push(tcp, webSocket);
      const same = [shortDoor('json', 'json'), shortDoor('protobuf', 'protobuf')];
      same.push(longDoor('tcp', tcp), longDoor('ws', webSocket));
      for (const door of same) await door.signIn(reader);
      const questions: [CommandName, Json][] = [
        ['getmsghistory', { peer, limit: 10 }],
        ['getmsghistory', { peer, afterPosition: '0', limit: 1 }],
        ['newsync', { syncKey: FROM_THE_START, limit: 200 }],
        ['searchcontact', { query: unlike('person1') }],
        ['getprofile', { userId: peer }],
      ];
      for (const [command, body] of questions) {
        const [first, ...others] = await Promise.all(same.map((door) => door.call(command, body)));
        expect(Object.keys(first!)).not.toEqual([]);
        for (const other of others) expect(other).toEqual(first);
        const bytes = encode(COMMANDS[command].request, body);
        const short = new ShortLink(system.http, 'protobuf');
        short.accessToken = reader.accessToken;
        const answer = await short.post(command, bytes);
        expect(answer.mediaType).toContain('application/x-protobuf');
        expect(answer.body.equals(await tcp.callRaw(COMMANDS[command].id, bytes))).toBe(true);
      }
    },
    TEST_MS,
  );

  it.each(['TCP', 'WebSocket'])('keeps a long link over %s: heartbeat, identify, notice', async (kind) => {
    const link = kind === 'TCP' ? await LongLink.tcp(system.tcp) : await LongLink.webSocket(system.ws);
    links.push(link);
    expect((await link.callRaw(COMMANDS.heartbeat.id, Buffer.alloc(0))).length).toBe(0);
    const [sender, receiver] = [people[0]!, people[kind === 'TCP' ? 2 : 3]!];
    const device = { deviceId: unlike(`listener-${kind}`), name: kind, platform: 'BOT' };
    const userName = unlike(`person${kind === 'TCP' ? 2 : 3}`);
    const login = { userName, password: PASSWORD, device, commandId: commandId() };
    const { session } = (await link.call('manualauth', login)) as { session: Session };
    const identity = await link.call('identify', { accessToken: session.accessToken, syncKey: FROM_THE_START });
    expect(identity).toMatchObject({ userId: receiver.userId, deviceId: device.deviceId });
    expect(Number(identity['heartbeatIntervalMs'])).toBeGreaterThan(0);
    const pulled = await link.call('newsync', { syncKey: FROM_THE_START, limit: 200 });
    const held = ((pulled['syncKey'] as Json)['entries'] as Json[])[0]!['number'] as string;
    const beat = await link.call('heartbeat', { key: held });
    expect(BigInt(beat['newestKey'] as string)).toBeGreaterThanOrEqual(BigInt(held));

    const [result] = await resultsOf(doors[0]!, say(receiver.userId, `notice over ${kind}`));
    // The device identified itself with an old key, so it may first be told of what it has pulled since.
    let notice = await link.notice();
    while (BigInt(notice['toKey'] as string) <= BigInt(held)) notice = await link.notice();
    const inline = notice['fromKey'] === held ? ((notice['items'] ?? []) as Json[]) : [];
    const after = await link.call('newsync', { syncKey: pulled['syncKey'] as Json });
    const news = (after['items'] as Json[]).map((item) => item['message'] as Json);
    expect(news).toMatchObject([{ messageId: result!['messageId'], from: sender.userId }]);
    expect(inline).toEqual(inline.length > 0 ? after['items'] : []);
  });

  it(
    'takes frames in any pieces, and closes a link that sends no frames',
    async () => {
      const link = await LongLink.tcp(system.tcp);
      links.push(link);
      const frame = writeFrame({ operation: COMMANDS.heartbeat.id, sequence: 77, body: Buffer.alloc(0) });
      for (const byte of frame.subarray(0, 10)) link.write(Buffer.from([byte]));
      link.write(Buffer.concat([frame.subarray(10), frame, frame]));
      expect((await link.callRaw(COMMANDS.heartbeat.id, Buffer.alloc(0))).length).toBe(0);
      const wrongVersion = Buffer.from(frame);
      wrongVersion.writeUInt16BE(9, 6);
      link.write(wrongVersion);
      await until('the link is closed', () => link.closed);
    },
    TEST_MS,
  );

  it(
    'ends a session on logout',
    async () => {
      await everyDoor(async (door, session) => {
        await door.call('logout', { commandId: commandId() });
        const json = new ShortLink(system.http, 'json');
        json.accessToken = session.accessToken;
        await until('the access token is refused', async () => {
          return (await refusal(json.call('newsync', { syncKey: FROM_THE_START }))) === 'SESSION_REVOKED';
        });
        const refresh = { refreshToken: session.refreshToken, commandId: commandId() };
        expect(await refusal(json.call('autoauth', refresh))).toMatch(/^SESSION_(REVOKED|EXPIRED)$/);
      });
    },
    TEST_MS,
  );
});

function textOf(message: unknown): string | undefined {
  const content = (message as Json | undefined)?.['content'] as { text?: { text: string } } | undefined;
  return content?.text?.text;
}
