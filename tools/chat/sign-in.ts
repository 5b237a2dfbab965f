import { MagpieError, type Client } from '@magpie/sdk';
import { ChatError, type ChatOptions } from './options.js';
import type { Screen } from './screen.js';

/** How long a stored session may take to prove good or bad. */
const PROOF_MS = 10_000;

/** Resumes the stored session, or logs in, or makes the account. ChatError when none of them can be. */
export async function signIn(client: Client, options: ChatOptions, screen: Screen): Promise<void> {
  if ((await client.resume()) !== undefined && (await isGood(client))) return;
  const password = options.password ?? (await askPassword(options.name, screen));
  try {
    await client.login({ userName: options.name, password });
  } catch (error) {
    if (!(error instanceof MagpieError)) throw error;
    if (error.code !== 'WRONG_CREDENTIALS' && error.code !== 'NOT_FOUND') throw asChatError(error, options);
    await register(client, options, password, screen);
  }
}

/** Resolves once there is a way to the server, or the session is over; a server that does not answer is one line. */
async function isGood(client: Client): Promise<boolean> {
  const settled = (): boolean => client.session === undefined || ['online', 'polling'].includes(client.link.status);
  if (!settled()) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PROOF_MS);
      const check = (): void => {
        if (!settled()) return;
        clearTimeout(timer);
        resolve();
      };
      client.on('link', check);
      client.on('session', check);
    });
  }
  if (!settled()) throw new ChatError('the server does not answer; is it running (npm start)?');
  return client.session !== undefined;
}

async function askPassword(name: string, screen: Screen): Promise<string> {
  if (!screen.terminal) throw new ChatError('no password: give --password or CHAT_PASSWORD');
  const password = await screen.ask(`password of ${name}: `, { hidden: true });
  if (password === '') throw new ChatError('no password, no log-in');
  return password;
}

async function register(client: Client, options: ChatOptions, password: string, screen: Screen): Promise<void> {
  const { name } = options;
  if (screen.terminal) {
    const answer = await screen.ask(`no account "${name}" has this password. Make a new account "${name}"? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new ChatError('not signed in');
  }
  try {
    await client.register({ userName: name, password });
    screen.print(`account "${name}" made`);
  } catch (error) {
    if (!(error instanceof MagpieError)) throw error;
    if (error.code === 'ALREADY_EXISTS') throw new ChatError(`wrong password for "${name}"`);
    throw asChatError(error, options);
  }
}

/** The one line that says what went wrong. */
export function asChatError(error: MagpieError, { http }: ChatOptions): ChatError {
  switch (error.code) {
    case 'OFFLINE':
    case 'LINK_LOST':
    case 'TIMEOUT':
      return new ChatError(`the server at ${http} does not answer; is it running (npm start)?`);
    case 'UNAVAILABLE':
    case 'OVERLOADED':
      return new ChatError(`the server at ${http} cannot serve now: ${error.message}`);
    default:
      return new ChatError(`${error.message} (${error.code})`);
  }
}
