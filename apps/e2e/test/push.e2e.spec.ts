import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PushReceiver, startSystem, writeFileAtomic, type ReceivedPush, type RunningSystem } from '@magpie/testing';
import { LongLink } from '../src/contract-client.js';
import { until } from '../src/until.js';

const START_MS = 90_000;
const TEST_MS = 60_000;
const PASSWORD = 'correct horse battery';
const commandId = () => randomBytes(12).toString('hex');

interface Session {
  readonly userId: string;
  readonly accessToken: string;
}

// Goal: who is away is called by a push that only the browser can read, once, also when the process that made it dies.
// Real: all services, Kafka, MongoDB, sockets, HTTP, the encryption of web push; the client is written by hand.
describe('offline push', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-push-'));
  const dataDir = join(folder, 'data');
  let system: RunningSystem;
  let receiver: PushReceiver;
  let alice: Session;

  const post = async (name: string, body: object, accessToken?: string): Promise<object> => {
    const answer = await fetch(`${system.http}/cgi-bin/micromsg-bin/${name}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      },
      body: JSON.stringify(body),
    });
    const json = (await answer.json()) as object;
    if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(json)}`);
    return json;
  };
  const register = async (userName: string): Promise<Session> => {
    const device = { deviceId: `phone-of-${userName}`, name: 'phone', platform: 'WEB' };
    const account = { userName, password: PASSWORD, nickname: userName, device, commandId: commandId() };
    return ((await post('newreg', account)) as { session: Session }).session;
  };
  /** Somebody whose browser is registered, and what it was sent. */
  const reader = async (userName: string): Promise<Session & { got: ReceivedPush[] }> => {
    const session = await register(userName);
    const { subscription, got } = receiver.subscribe();
    const request = { provider: 'WEB_PUSH', subscription, locale: 'en-GB', commandId: commandId() };
    // For a moment after the start nobody owns a feed.
    await until('the registration', async () => {
      const answer = await post('registerpush', request, session.accessToken).catch((error: unknown) => String(error));
      if (typeof answer === 'string' && !answer.includes('UNAVAILABLE')) throw new Error(answer);
      return typeof answer !== 'string';
    });
    return { ...session, got };
  };
  /** As soon as the system answers. */
  const say = (to: Session, text: string): Promise<void> => {
    const message = {
      clientId: commandId(),
      clientTimeMs: String(Date.now()),
      to: to.userId,
      content: { text: { text } },
    };
    return until(`"${text}" is sent`, async () => {
      const answer = await post('newsendmsg', { messages: [message] }, alice.accessToken).catch(() => undefined);
      return (answer as { results?: { code: string }[] } | undefined)?.results?.[0]?.code === 'OK';
    });
  };

  beforeAll(async () => {
    receiver = await PushReceiver.start();
    system = await startSystem({ dataDir, faults: true, env: { SYNC_PUSH_WEB_ORIGINS: receiver.origin } });
    alice = await register('alice');
  }, START_MS);

  afterAll(async () => {
    await system.stop();
    await receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it(
    'calls who is away, and not who is online',
    async () => {
      const [bob, carol] = [await reader('bob'), await reader('carol')];
      const link = await LongLink.tcp(system.tcp);
      await link.call('identify', { accessToken: bob.accessToken });
      await say(bob, 'for Bob alone');
      await say(carol, 'for Carol alone');
      await until('Carol is called', () => carol.got.length === 1);
      expect(carol.got[0]!.payload).toMatchObject({ title: 'New message', body: '', badge: 1, peer: alice.userId });
      expect(bob.got).toEqual([]);
      link.close();
      await say(bob, 'now Bob is away');
      await until('Bob is called', () => bob.got.length === 1);
      expect(JSON.stringify([bob.got, carol.got])).not.toContain('alone');
    },
    TEST_MS,
  );

  it(
    'calls once more, under the same name, when it dies before it has noted that it did',
    async () => {
      const [dora, emil] = [await reader('dora'), await reader('emil')];
      const [{ name, pid }] = system.run.processes.filter((process) => process.name.startsWith('magpie')) as [
        { name: string; pid: number },
      ];
      await writeFileAtomic(
        join(dataDir, 'faults', `${name}.json`),
        JSON.stringify({ point: 'push.after-send', pass: 1, action: 'kill' }),
      );
      await say(dora, 'hello Dora');
      await system.restarted(name, pid);
      await until('Dora is called again', () => dora.got.length === 2, TEST_MS / 2);
      const [first, second] = dora.got as [ReceivedPush, ReceivedPush];
      expect([second.topic, second.payload]).toEqual([first.topic, first.payload]);
      await say(emil, 'hello Emil');
      await until('Emil is called', () => emil.got.length === 1);
      expect([dora.got.length, receiver.faults]).toEqual([2, []]);
    },
    TEST_MS,
  );
});
