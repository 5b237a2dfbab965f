import type { TopicName } from '@magpie/contracts';
import type { DeadLetter, RedriveOptions } from '@magpie/event-log';
import { handleLetters } from './letters.js';
import { readOptions } from './options.js';

// Goal: who redrives sees what waits and what became of it, and harms no reader. The log is the test.

const ACCOUNTS = 'auth.account.v1';
const MESSAGES = 'messaging.message.v1';
const letter = (topic: TopicName): DeadLetter => ({
  ...{ consumer: 'social.profile', topic, partition: 1, offset: 7, appendedAtMs: 0, key: 'u1', error: 'TypeError: x' },
  buriedAtMs: Date.parse('2030-01-02T03:04:05Z'),
});

function logOf(letters: DeadLetter[]) {
  const redriven: DeadLetter[] = [];
  const redrive = async ({ topics, pick = () => true }: RedriveOptions) => {
    const picked = letters.filter((one) => topics.includes(one.topic) && pick(one));
    redriven.push(...picked);
    return { redriven: picked.length, before: 2, left: letters.length - picked.length };
  };
  return { redrive, redriven };
}

describe('npm run redrive', () => {
  let lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  beforeEach(() => (lines = []));

  it('lists what waits, and leaves it', async () => {
    const log = logOf([letter(ACCOUNTS)]);
    expect(await handleLetters(log, [ACCOUNTS], { consumer: 'social.profile', list: true }, print)).toBe(1);
    expect(lines).toEqual(['auth.account.v1/1@7  2030-01-02T03:04:05.000Z  u1  TypeError: x']);
    expect(log.redriven).toEqual([]);
  });

  it('redrives what its readers drop when they know it, says why the rest stays', async () => {
    const log = logOf([letter(ACCOUNTS), letter(MESSAGES)]);
    await handleLetters(log, [ACCOUNTS, MESSAGES], { consumer: 'social.profile', list: false }, print);
    expect(log.redriven.map(({ topic }) => topic)).toEqual([ACCOUNTS]);
    expect(lines).toEqual([
      expect.stringContaining('messaging.message.v1 is not appended to'),
      'social.profile: 1 redriven to auth.account.v1, 2 had been before',
    ]);
  });

  it('reads its arguments', () => {
    expect(readOptions(['social.profile', ACCOUNTS, '--data', '/data'])).toEqual({
      ...{ consumer: 'social.profile', topics: [ACCOUNTS], list: false, data: '/data' },
    });
    expect(readOptions(['messaging.archive', MESSAGES, '--list'])).toMatchObject({ list: true, topics: [MESSAGES] });
    expect(readOptions(['--help'])).toBe('help');
    expect(() => readOptions(['messaging.archive', MESSAGES])).toThrow('repeat for 180 s only');
    expect(() => readOptions(['social.nobody'])).toThrow('these have: messaging.archive, messaging.search, social.profile');
    expect(() => readOptions(['social.profile', 'social.profile.dead-letter.v1'])).toThrow('no topic');
    for (const args of [[], ['social.profile', '--all']]) expect(() => readOptions(args)).toThrow('npm run redrive');
  });
});
