import { DeliveryChecker } from './delivery-checker.js';

const SENDS = 400_000;
const USERS = 100;
const DEVICES = ['d0', 'd1'];
/** Processor time of this thread for all reports and the judgement. */
const CPU_MS_MAX = 8000;
const HEAP_BYTES_MAX = 1e9;

describe('a run of 400 000 messages between people with two devices each', () => {
  // Goal: the longest run of faults is judged in seconds, beside the system that it judges.
  it('is judged within seconds and a gigabyte', () => {
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
    expect(process.memoryUsage().heapUsed).toBeLessThan(HEAP_BYTES_MAX);
  }, 60_000);
});
