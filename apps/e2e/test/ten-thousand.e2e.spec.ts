import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conversationOf } from '@magpie/domain';
import { DeliveryChecker, startSystem, Witness, type RunningSystem } from '@magpie/testing';
import { until } from '../src/until.js';

const USERS = 50;
const MESSAGES = 10_000;
/** Every fifth user has a second device. */
const SECOND_DEVICE_EVERY = 5;
/** Conversations that one sender has going at a time. */
const AT_A_TIME = 2;

/** A repeatable choice of receivers: a linear congruential generator (Numerical Recipes). */
function choices(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

// Goal: 10 000 messages between 50 users, and processes killed in their middle: on every device everything arrives,
// once, in order. Real: all services, Kafka, MongoDB, TCP sockets; the devices hide no repeat (see Witness).
describe('ten thousand messages', () => {
  let folder: string;
  let system: RunningSystem;

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magpie-10k-'))));
  afterEach(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it.each([
    ['in one process, which is killed', { split: false, killed: ['magpie'] }],
    [
      'with one process per service, three of which are killed',
      { split: true, killed: ['sync', 'messaging', 'gateway'] },
    ],
  ])(
    '%s',
    async (_name, { split, killed }) => {
      system = await startSystem({
        dataDir: join(folder, 'data'),
        split,
        env: { MAGPIE_NAMESPACE: `thousand-${randomBytes(4).toString('hex')}-` },
      });
      const checker = new DeliveryChecker();
      const firsts = await Promise.all(
        Array.from({ length: USERS }, (_, n) => Witness.register(system.run, checker, `witness-${n}`)),
      );
      const seconds = await Promise.all(
        firsts
          .filter((_, n) => n % SECOND_DEVICE_EVERY === 0)
          .map((_, k) => Witness.login(system.run, checker, `witness-${k * SECOND_DEVICE_EVERY}`, 2)),
      );
      for (const a of firsts) {
        for (const b of firsts) if (a.userId <= b.userId) bothBelong(checker, a.userId, b.userId);
      }
      const online = [...firsts, ...seconds].map((device) => device.stayOnline());

      let sent = 0;
      const counts = { ok: 0, refused: 0, unknown: 0 };
      const kills = killed.map((name, k) => ({ name, at: Math.floor((MESSAGES * (k + 1)) / (killed.length + 1)) }));
      const send = async (sender: Witness, lane: number, seed: number): Promise<void> => {
        const choose = choices(seed);
        for (let n = 0; n < MESSAGES / USERS / AT_A_TIME; n++) {
          // Each lane has receivers of its own, so that no conversation has two of the sender's messages under way.
          const receiver = firsts[Math.floor(choose(USERS / AT_A_TIME)) * AT_A_TIME + lane]!;
          counts[await sender.send(receiver.userId, `message ${n} of lane ${lane}`)]++;
          if (kills.length > 0 && ++sent >= kills[0]!.at) await system.kill(kills.shift()!.name);
        }
      };
      await Promise.all(
        firsts.flatMap((sender, n) =>
          Array.from({ length: AT_A_TIME }, (_, lane) => send(sender, lane, 1 + n * AT_A_TIME + lane)),
        ),
      );

      expect(counts).toEqual({ ok: MESSAGES, refused: 0, unknown: 0 });
      expect(kills).toEqual([]);
      const devices = [...firsts, ...seconds];
      const arrived = () => devices.reduce((sum, device) => sum + device.shown.size, 0);
      let before = -1;
      await until(
        'nothing more arrives',
        async () => {
          if (arrived() !== before) {
            before = arrived();
            await new Promise((resolve) => setTimeout(resolve, 1500));
            return false;
          }
          return true;
        },
        60_000,
      );
      await Promise.all(devices.map((device) => device.pull()));
      for (const { userId, deviceId } of devices) checker.device(userId, deviceId).settled();
      const verdict = checker.finish();
      for (const device of devices) device.stop();
      await Promise.all(online);

      expect(verdict.anomalies.slice(0, 10)).toEqual([]);
      expect(verdict.judged).toMatchObject({ sent: MESSAGES, acknowledged: MESSAGES, settled: devices.length });
      expect(verdict.judged.shown).toBeGreaterThanOrEqual(2 * MESSAGES - MESSAGES / 10);
    },
    240_000,
  );
});

function bothBelong(checker: DeliveryChecker, a: string, b: string): void {
  const conversation = conversationOf(a, b);
  checker.member(conversation, { user: a });
  if (a !== b) checker.member(conversation, { user: b });
}
