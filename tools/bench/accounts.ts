import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auth, sync } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { commandId, operationOf } from './commands.js';
import { Device } from './device.js';

const REGISTER = operationOf('newreg');
const LOGIN = operationOf('manualauth');
/** Password hashing is meant to be expensive: a few at a time. */
const CONCURRENCY = 8;
const TRIES_MAX = 5;
const TRY_PAUSE_MS = 1000;
/** A token must live at least this long to be tried. */
const TOKEN_LEFT_MS = 60_000;

/** A user of the bench, as kept for the next run. */
interface Account {
  readonly userName: string;
  readonly password: string;
  userId?: string;
  accessToken?: string;
  accessExpiresAtMs?: number;
  syncKey?: unknown;
}

export interface Player {
  readonly account: Account;
  readonly userId: string;
  readonly device: Device;
}

/** Signs in that many users, each on a link of its own, making those that do not exist; tells the progress. */
export async function signInAll(
  address: string,
  directory: string,
  count: number,
  progress: (done: number, of: number) => void,
): Promise<Player[]> {
  const kept = await load(directory);
  while (kept.length < count) kept.push({ userName: `b${commandId()}`, password: commandId() });
  const players: Player[] = [];
  const waiting = kept.slice(0, count);
  const work = async (): Promise<void> => {
    for (let account = waiting.pop(); account !== undefined; account = waiting.pop()) {
      players.push(await signIn(address, account));
      progress(players.length, count);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  await save(directory, kept);
  return players;
}

/** Makes one more user, whom nobody keeps; answers the id. */
export async function signUp(address: string): Promise<string> {
  const device = await Device.connect(address);
  try {
    const account: Account = { userName: `n${commandId()}`, password: commandId() };
    await authenticate(device, account);
    return account.userId!;
  } finally {
    device.close();
  }
}

/** Keeps what the next run can go on with: tokens and sync keys. */
export async function keepPlayers(directory: string, players: readonly Player[]): Promise<void> {
  for (const { account, device } of players) {
    if (device.syncKey !== undefined) account.syncKey = sync.SyncKey.toJSON(device.syncKey);
  }
  const kept = await load(directory);
  const known = new Map(players.map(({ account }) => [account.userName, account]));
  await save(
    directory,
    kept.map((account) => known.get(account.userName) ?? account),
  );
}

async function signIn(address: string, account: Account): Promise<Player> {
  for (let tries = 1; ; tries++) {
    const device = await Device.connect(address);
    try {
      if ((account.accessExpiresAtMs ?? 0) < Date.now() + TOKEN_LEFT_MS) await authenticate(device, account);
      device.syncKey = account.syncKey === undefined ? undefined : sync.SyncKey.fromJSON(account.syncKey);
      await device.enter(account.accessToken!);
      return { account, userId: account.userId!, device };
    } catch (error) {
      device.close();
      if (tries >= TRIES_MAX) throw error;
      // Another server's data, or a session that is over: from the start.
      if (error instanceof DomainError && error.kind !== 'unavailable') {
        delete account.accessExpiresAtMs;
        delete account.syncKey;
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_PAUSE_MS));
    }
  }
}

async function authenticate(link: Device, account: Account): Promise<void> {
  const { userName, password } = account;
  const device = { deviceId: `bench-${userName}`, name: 'bench', platform: auth.Platform.BOT };
  const login = auth.LoginRequest.fromPartial({ userName, password, device, commandId: commandId() });
  let session: auth.Session | undefined;
  try {
    const body = account.userId === undefined ? undefined : auth.LoginRequest.encode(login).finish();
    if (body !== undefined) session = auth.LoginResponse.decode(await link.request(LOGIN, body)).session;
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'WRONG_CREDENTIALS')) throw error;
  }
  if (session === undefined) {
    const request = auth.RegisterRequest.fromPartial({ ...login, nickname: userName.slice(0, 12) });
    const body = auth.RegisterRequest.encode(request).finish();
    session = auth.RegisterResponse.decode(await link.request(REGISTER, body)).session;
  }
  account.userId = session!.userId;
  account.accessToken = session!.accessToken;
  account.accessExpiresAtMs = session!.accessExpiresAtMs;
}

async function load(directory: string): Promise<Account[]> {
  const text = await readFile(join(directory, 'users.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as Account[];
}

async function save(directory: string, accounts: readonly Account[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'users.json');
  await writeFile(`${path}.new`, JSON.stringify(accounts), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
