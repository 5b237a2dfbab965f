import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SESSION_TIMEOUT_MS } from '../src/limits.js';
import { openSetting, until, type Setting } from './setting.js';

const DAYS_30 = 30 * 24 * 60 * 60;
const program = fileURLToPath(new URL('./member-process.js', import.meta.url));

describe('a process that follows one that was killed', () => {
  let setting: Setting;
  let former: ChildProcess | undefined;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  afterAll(async () => {
    former?.kill('SIGKILL');
    await setting.close();
  }, 30_000);

  // Goal: the group does not wait for the dead member. Without the farewell it does, for a whole session time-out.
  it('takes over its partitions well before the session time-out', async () => {
    former = fork(program, [setting.namespace, 'instance-0'], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      execArgv: [],
    });
    await once(former.stdout!, 'data');
    // Noted once joined, behind its back.
    const members = setting.connection.db!.collection('state_member');
    await until(async () => (await members.countDocuments()) === 1);
    former.kill('SIGKILL');
    await once(former, 'exit');
    const killedAt = performance.now();
    const log = await setting.open('messaging', { self: 'instance-0' });
    // Those that never come back are forgotten.
    expect(await members.indexes()).toContainEqual(
      expect.objectContaining({ key: { at: 1 }, expireAfterSeconds: DAYS_30 }),
    );
    const consumer = await log.consume({
      name: 'messaging.archive',
      topics: ['messaging.message.v1'],
      onPoison: 'stop',
      gain: async () => ({ process: async () => undefined, state: () => ({}), lost: () => undefined }),
    });
    await until(() => consumer.owned().length === 2);
    expect(performance.now() - killedAt).toBeLessThan(SESSION_TIMEOUT_MS * 0.7);
  }, 40_000);
});
