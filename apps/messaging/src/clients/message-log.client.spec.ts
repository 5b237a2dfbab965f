import type { EventLog } from '@magpie/event-log';
import { silentLogger } from '@magpie/observability';
import { KafkaMessageLog } from './message-log.client.js';

/** The client over a log whose clock stands `ageMs` after its last append. */
function clockAt(ageMs: number, jumped = false) {
  const log: Partial<EventLog> = {
    appender: () => ({}) as never,
    serverTime: () => 1_000_000 + ageMs,
    clockState: () => ({ lastAppendAt: 1_000_000, jumped }),
  };
  const groups = { holds: () => Promise.reject(new Error('nothing is appended here')) };
  return new KafkaMessageLog(log as EventLog, silentLogger(), groups).clock();
}

describe("the log's clock: relied on only while an append has lately told the time", () => {
  it.each([
    [0, true],
    [60_000, true],
    [60_001, false],
    // The clock of this process went back: what is ten minutes old would pass for young.
    [-600_000, false],
    [-10_001, false],
    [-10_000, true],
  ])('%d ms after the last append: %s', (ageMs, trusted) => {
    expect(clockAt(ageMs)).toEqual({ nowMs: 1_000_000 + ageMs, trusted });
  });

  it('is not relied on after a jump', () => {
    expect(clockAt(5, true).trusted).toBe(false);
  });
});
