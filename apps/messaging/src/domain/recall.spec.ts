import { refusalOf } from '../../test/refusal-of.js';
import { RECALL_LIMITS } from './limits.js';
import { judgeRecall, type Recallable, type Recaller } from './recall.js';

const SENT_AT = 1_000_000;
const message: Recallable = { from: 'ua', at: SENT_AT, recalled: false };
const sender: Recaller = { userId: 'ua', moderates: false, nowMs: SENT_AT + RECALL_LIMITS.ageMaxMs };

// Goal: who may take a message back, and how long. Pure.
describe('taking back', () => {
  it('is for the sender, and for who moderates, within two minutes', () => {
    expect(judgeRecall(message, sender)).toBe(true);
    expect(judgeRecall(message, { ...sender, userId: 'ub', moderates: true })).toBe(true);
    expect(judgeRecall(message, { ...sender, nowMs: SENT_AT - 5 })).toBe(true);
  });

  it('is over after that, and says the bound', () => {
    const late = { ...sender, nowMs: sender.nowMs + 1 };
    const refusal = refusalOf(() => judgeRecall(message, late));
    expect(refusal).toMatchObject({ code: 'EXPIRED', details: [{ field: 'message_id' }] });
    expect(refusal.message).toContain('120001 ms ago, at most 120000 ms');
  });

  it('is done where it is done, however late and whoever asks', () => {
    const recalled = { ...message, recalled: true };
    expect(judgeRecall(recalled, { ...sender, nowMs: SENT_AT * 2 })).toBe(false);
    expect(judgeRecall(recalled, { ...sender, userId: 'ub' })).toBe(false);
  });

  it('is not for others, and not for tips', () => {
    expect(refusalOf(() => judgeRecall(message, { ...sender, userId: 'ub' })).code).toBe('FORBIDDEN');
    const tip = { ...message, from: '' };
    expect(refusalOf(() => judgeRecall(tip, { ...sender, moderates: true })).code).toBe('FORBIDDEN');
    expect(refusalOf(() => judgeRecall(tip, { ...sender, userId: '' })).code).toBe('FORBIDDEN');
  });
});
