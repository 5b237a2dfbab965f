import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textContent, type LocalMessage } from '@magpie/sdk';
import { bodyInWords } from './contents.js';
import { clockTime, conversationLine, messageLine } from './lines.js';
import { readOptions } from './options.js';

const message: LocalMessage = {
  id: 'c1',
  peer: 'ubob',
  from: 'ualice',
  own: true,
  state: 'sent',
  timeMs: 1_700_000_000_000,
  content: textContent('hello'),
};
const time = clockTime(message.timeMs);

describe('lines', () => {
  it('show who, when, what and what became of it', () => {
    const failed = { code: 'NO_SUCH_PEER', reason: 'to: there is no such user', uncertain: false } as const;
    const line = (changes: Partial<LocalMessage>, from = 'you') =>
      messageLine({ ...message, ...changes }, 'Bob', from, 'hello');
    expect(line({})).toBe(`${time} you → Bob: hello ✓`);
    expect(line({ state: 'delivered' })).toBe(`${time} you → Bob: hello ✓✓`);
    expect(line({ state: 'read' })).toBe(`${time} you → Bob: hello ✓✓ read`);
    expect(line({ state: 'sending' })).toBe(`${time} you → Bob: hello …`);
    expect(line({ state: 'failed', error: failed })).toContain('✗ to: there is no such user');
    const received = { own: false, state: 'received' } as const;
    expect(line({ ...received, from: 'ubob' }, 'Bob')).toBe(`${time} Bob: hello`);
    expect(line({ ...received, peer: 'g1' }, 'Alice')).toBe(`${time} Bob | Alice: hello`);
  });

  it('mark what waits in a conversation and shorten long last lines', () => {
    const list = { pinned: true, muted: true, mentioned: true, draft: 'half a' };
    expect(conversationLine({ peer: 'ubob', unread: 2, last: message, ...list }, 'Bob', 'x'.repeat(60))).toBe(
      `  ↑ Bob ● 2 new @ (muted)  ${time}  you: ${'x'.repeat(45)}…  [draft: half a]`,
    );
    expect(conversationLine({ peer: 'ubob', unread: 0 }, 'Bob', '')).toBe('  Bob');
  });
});

describe('contents in words', () => {
  const nameOf = async (id: string): Promise<string> => `<${id}>`;
  const words = (changes: Partial<LocalMessage>) => bodyInWords({ ...message, ...changes }, nameOf);
  const tip = (code: string, values: Record<string, string>) =>
    words({ content: { content: { $case: 'system', value: { code, values } } } });

  it('tell tips by the names of those they are about', async () => {
    expect(await tip('group.created', { by: 'ua', members: 'ub,uc', count: '5' })).toBe(
      '— <ua> made the group with <ub>, <uc> and 3 more',
    );
    expect(await tip('group.member-joined', { by: 'ua', member: 'ub' })).toBe('— <ub> has joined, invited by <ua>');
    expect(await tip('group.member-joined', { by: 'ub', member: 'ub' })).toBe('— <ub> has joined');
    expect(await tip('group.updated', { by: 'ua', name: 'Team' })).toBe('— <ua> changed the group: name "Team"');
    expect(await tip('from-a-newer-server', {})).toBe('(from-a-newer-server)');
  });

  it('tell what a line quotes, when it burns, and who took it back', async () => {
    const quote = { messageId: 'm1', from: 'ub', content: textContent('lunch?') };
    expect(await words({ quote, burnAfterMs: 5000 })).toBe('hello « <ub>: lunch? » (burns 5 s after it was read)');
    expect(await words({ recalled: true, recalledBy: 'ualice' })).toBe('(taken back)');
    expect(await words({ recalled: true, recalledBy: 'uadmin' })).toBe('(taken back by <uadmin>)');
    expect(await words({ recalled: true, recalledBy: '' })).toBe('(burnt)');
  });

  it('tell the first of many that were sent on as one', async () => {
    const entries = ['one', 'two', 'three', 'four'].map((text) => ({
      from: 'ub',
      serverTimeMs: 0,
      content: textContent(text),
    }));
    const content = { content: { $case: 'merged' as const, value: { title: 'Bob', entries } } };
    expect(await words({ content })).toBe('[Bob: <ub>: one / <ub>: two / <ub>: three / … 4 in all]');
  });
});

describe('readOptions', () => {
  it('finds the running server, or says in one line that there is none', async () => {
    const data = await mkdtemp(join(tmpdir(), 'magpie-chat-'));
    try {
      await expect(readOptions(['alice', '--data', data], {})).rejects.toThrow('no server is running here');
      const running = { http: 'http://127.0.0.1:1', ws: 'ws://127.0.0.1:1/ws', tcp: '127.0.0.1:2' };
      await writeFile(join(data, 'run.json'), JSON.stringify(running));
      expect(await readOptions(['alice', '--data', data], { CHAT_PASSWORD: 'secret12' })).toMatchObject({
        ...running,
        name: 'alice',
        password: 'secret12',
        directory: join(data, 'chat', 'alice'),
      });
    } finally {
      await rm(data, { recursive: true });
    }
  });

  it('takes a server by its address and refuses names that cannot be', async () => {
    const options = await readOptions(['bob', '--server', 'https://chat.example/'], {});
    expect(options).toMatchObject({ ws: 'wss://chat.example/ws', tcp: undefined });
    await expect(readOptions(['Bob!'], {})).rejects.toThrow('is not a user name');
    await expect(readOptions([], {})).rejects.toThrow('who are you?');
  });
});
