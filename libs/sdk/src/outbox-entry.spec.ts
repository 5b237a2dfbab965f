import type { ErrorCode } from './errors.js';
import { NO_TRIES, afterAttempt, type OutboxEntry } from './outbox-entry.js';

const waiting: OutboxEntry = {
  clientId: 'c1',
  clientTimeMs: 0,
  order: 1,
  to: 'ubob',
  content: {},
  state: 'sending',
  uncertain: false,
};

/** Feeds one code after the other until the entry is settled. */
function outcome(codes: readonly ErrorCode[], retryAfterMs = 1000) {
  let step = { entry: waiting, tries: NO_TRIES, pauseMs: 0 as number | undefined };
  const pauses: number[] = [];
  for (const code of codes) {
    step = afterAttempt(step.entry, step.tries, code, retryAfterMs);
    if (step.pauseMs === undefined) break;
    pauses.push(step.pauseMs);
  }
  return { ...step.entry, pauses };
}

const times = (code: ErrorCode, count: number): ErrorCode[] => Array<ErrorCode>(count).fill(code);

describe('afterAttempt', () => {
  it('gives up after the first try and three more, 1, 4 and 10 s apart', () => {
    expect(outcome(times('TIMEOUT', 3))).toMatchObject({ state: 'sending', pauses: [1000, 4000, 10_000] });
    expect(outcome(times('LINK_LOST', 4))).toMatchObject({ state: 'failed', uncertain: true, code: 'LINK_LOST' });
  });

  it('waits out what is no attempt, for ten minutes', () => {
    expect(outcome(times('LIMITED', 60), 10_000)).toMatchObject({ state: 'sending', uncertain: false });
    expect(outcome(times('LIMITED', 61), 10_000)).toMatchObject({ state: 'failed', uncertain: false });
    expect(outcome([...times('UNAVAILABLE', 20), ...times('TIMEOUT', 3), 'OK'])).toMatchObject({ state: 'sent' });
  });

  it('fails at once on a refusal, certain only when no earlier attempt ended unknown', () => {
    expect(outcome(['NO_SUCH_PEER'])).toMatchObject({ state: 'failed', uncertain: false, pauses: [] });
    expect(outcome(['OVERLOADED', 'BLOCKED'])).toMatchObject({ state: 'failed', uncertain: false });
    expect(outcome(['TIMEOUT', 'BLOCKED'])).toMatchObject({ state: 'failed', uncertain: true, code: 'BLOCKED' });
  });

  it('holds without counting while there is no way or no session', () => {
    expect(outcome(times('OFFLINE', 100))).toMatchObject({ state: 'sending', uncertain: false });
    expect(outcome(times('SESSION_EXPIRED', 100))).toMatchObject({ state: 'sending' });
  });
});
