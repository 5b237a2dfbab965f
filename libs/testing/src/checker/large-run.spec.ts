import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DeliveryChecker } from './delivery-checker.js';

const SENDS = 400_000;
const USERS = 100;
const DEVICES = ['d0', 'd1'];
/** Processor time of this thread for all reports and the judgement. */
const CPU_MS_MAX = 8000;
/** Of the heap, held by the checker: neither garbage nor what others left in this process. */
const HELD_BYTES_MAX = 3e8;

describe('a run of 400 000 messages between people with two devices each', () => {
  // Goal: the longest run of faults is judged in seconds, beside the system that it judges.
  it('is judged within seconds and 300 MB', () => {
    const heldBefore = heldBytes();
    const before = process.threadCpuUsage();
    const checker = new DeliveryChecker();
    const logs = Array.from({ length: USERS }, (_, user) => DEVICES.map((name) => checker.device(`u${user}`, name)));
    for (let low = 0; low < USERS; low++) {
      for (let high = low + 1; high < USERS; high++) {
        for (const user of [low, high]) checker.member(`d.u${low}.u${high}`, { user: `u${user}` });
      }
    }
    for (let n = 0; n < SENDS; n++) {
      const sender = n % USERS;
      const receiver = (sender + 1 + (((n - sender) / USERS) % (USERS - 1))) % USERS;
      const conversation = sender < receiver ? `d.u${sender}.u${receiver}` : `d.u${receiver}.u${sender}`;
      const messageId = `m${n}`;
      checker.sending({ user: `u${sender}`, device: 'd0', conversation, messageId, requestId: `r${n}`, sentAtMs: n });
      checker.answered(messageId, { outcome: 'ok', answeredAtMs: n + 1 });
      for (const log of [...logs[sender]!, ...logs[receiver]!]) {
        log.shown({ messageId, conversation, position: n, key: n });
        log.held(n);
      }
    }
    for (const log of logs.flat()) log.settled();
    const { anomalies, judged } = checker.finish();
    const { user, system } = process.threadCpuUsage(before);
    expect([anomalies, judged.acknowledged, judged.shown]).toEqual([[], SENDS, 4 * SENDS]);
    expect((user + system) / 1000).toBeLessThan(CPU_MS_MAX);
    expect(heldBytes() - heldBefore).toBeLessThan(HELD_BYTES_MAX);
    // Until here the checker is in use.
    expect(checker.device('u0', 'd0')).toBe(logs[0]![0]);
  }, 60_000);
});

/** Of the heap of this process, garbage not counted. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
