import { MagpieError, type Client } from '@magpie/sdk';
import { createNodeClient } from '@magpie/sdk/node';
import { Chat } from './chat.js';
import { ChatError, USAGE, readOptions, type ChatOptions } from './options.js';
import { openScreen, type Screen } from './screen.js';
import { asChatError, signIn } from './sign-in.js';

/** How long a script waits for its last messages to be settled. */
const FLUSH_MS = 30_000;

async function main(): Promise<number> {
  const options = await readOptions(process.argv.slice(2), process.env);
  if (options === 'help') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const screen = openScreen(process.stdin, process.stdout);
  const { http, ws, tcp } = options;
  const device = { name: `chat of ${options.name}`, platform: 'DESKTOP' } as const;
  const client = await createNodeClient({
    http,
    ws,
    ...(tcp === undefined ? {} : { tcp }),
    store: options.directory,
    device,
  });
  try {
    return await converse(client, options, screen);
  } catch (error) {
    throw error instanceof MagpieError ? asChatError(error, options) : error;
  } finally {
    screen.close();
    await client.close();
  }
}

async function converse(client: Client, options: ChatOptions, screen: Screen): Promise<number> {
  await signIn(client, options, screen);
  const chat = new Chat(client, options, screen);
  let lost: string | undefined;
  client.on('session', (event) => {
    if (event.status !== 'lost') return;
    lost = `the session has ended: ${event.error.message}`;
    screen.close();
  });
  await chat.open();
  for await (const line of screen.lines) {
    if (lost !== undefined || !(await chat.take(line))) break;
  }
  if (lost === undefined) {
    await flushed(client, screen.terminal ? 1_000 : FLUSH_MS);
    if (!screen.terminal) await pause(options.waitMs);
  }
  await chat.settled();
  if (lost !== undefined) throw new ChatError(lost);
  if (client.sending > 0) screen.print(`${client.sending} not sent yet; they stay in the outbox`);
  return screen.terminal || (chat.failed === 0 && client.sending === 0) ? 0 : 1;
}

/** Resolves when nothing is on its way any more, or after `limitMs`. */
function flushed(client: Client, limitMs: number): Promise<void> {
  if (client.sending === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    client.on('state', () => {
      if (client.sending > 0) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

try {
  process.exitCode = await main();
} catch (error) {
  const expected = error instanceof ChatError || error instanceof MagpieError;
  process.stderr.write(`chat: ${expected ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
