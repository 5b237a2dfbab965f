import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textContent, type LocalMessage } from '@magpie/sdk';
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
    expect(messageLine(message, 'Bob')).toBe(`${time} you → Bob: hello ✓`);
    expect(messageLine({ ...message, state: 'sending' }, 'Bob')).toBe(`${time} you → Bob: hello …`);
    expect(messageLine({ ...message, state: 'failed', error: failed }, 'Bob')).toContain('✗ to: there is no such user');
    expect(messageLine({ ...message, own: false, state: 'received' }, 'Bob')).toBe(`${time} Bob: hello`);
  });

  it('mark unread conversations and shorten long last lines', () => {
    const last = { ...message, content: textContent('x'.repeat(60)) };
    expect(conversationLine({ peer: 'ubob', unread: 2, last }, 'Bob')).toBe(
      `  Bob ● 2 new  ${time}  you: ${'x'.repeat(45)}…`,
    );
    expect(conversationLine({ peer: 'ubob', unread: 0 }, 'Bob')).toBe('  Bob');
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
