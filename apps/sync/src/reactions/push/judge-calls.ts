import type { Presence } from '../../clients/push/presence.js';
import type { CallQueue, NewCall } from '../../commands/push/call-queue.js';
import type { Badges } from '../../commands/push/badges.js';
import type { Row } from '../../domain/entry.js';
import { gather, type Calling, type Gathered } from '../../domain/push/calling.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Registration } from '../../domain/push/registration.js';
import { sideOf, type Conversations } from '../../queries/push/conversations.js';
import type { Callable, Registered } from '../../queries/push/registered.js';
import { heardBy } from './calling-of.js';

/** What came for one user since the grace began. */
export interface Waiting {
  readonly userId: string;
  readonly rows: readonly Row[];
  /** Feed key that a device has seen meanwhile, by device. */
  readonly seen: ReadonlyMap<string, number>;
}

export interface JudgeParts {
  readonly registered: Pick<Registered, 'of' | 'forget'>;
  readonly presence: Presence;
  readonly conversations: Conversations;
  readonly queue: Pick<CallQueue, 'put'>;
  readonly badges: Pick<Badges, 'raise'>;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** One device that is not online, and what it has not seen. */
interface Absent {
  readonly device: Registration;
  readonly rows: readonly Row[];
  readonly callable: Callable;
}

/** Decides which devices are called for what, and puts that into the queue. Answers how many calls these are. */
export async function judgeCalls(waiting: readonly Waiting[], parts: JudgeParts): Promise<number> {
  const callables = await parts.registered.of(waiting.map(({ userId }) => userId));
  const absent = waiting.flatMap((one) => absentOf(one, callables.get(one.userId), parts.presence));
  if (absent.length === 0) return 0;
  const heard = absent.map(({ device, rows }) => rows.map((row) => ({ key: row.key, ...heardBy(device.userId, row) })));
  const sides = absent.flatMap(({ device: { userId } }, index) =>
    heard[index]!.flatMap(({ calling }) => (calling?.kind === 'message' ? [{ userId, peer: calling.peer }] : [])),
  );
  const muted = sides.length === 0 ? NOBODY : await parts.conversations.mutedOf(sides);
  const now = parts.now();
  const gathered = absent.map(({ device }, index) => {
    const callings = heard[index]!.flatMap(({ calling }) => (calling === undefined ? [] : [calling]));
    const mine = new Set(callings.map(({ peer }) => peer).filter((peer) => muted.has(sideOf({ ...device, peer }))));
    const recalled = new Set(heard[index]!.map((one) => one.recalled).filter((id) => id !== ''));
    return gather({ callings, muted: mine, recalled, now, expiryMs: PUSH_LIMITS.expiryMs });
  });
  const names = await namesFor(absent, gathered, parts.conversations);
  const calls = absent.flatMap((one, index) => {
    const key = one.rows.at(-1)!.key;
    return gathered[index]!.map((each) => callOf(one, each, key, names));
  });
  await parts.queue.put(calls, now);
  await parts.badges.raise(calls);
  // Their badges are not what is remembered.
  for (const { userId } of calls) parts.registered.forget(userId);
  return calls.length;
}

const NOBODY: ReadonlySet<string> = new Set();

function absentOf({ userId, rows, seen }: Waiting, callable: Callable | undefined, presence: Presence): Absent[] {
  if (callable === undefined || !callable.settings.enabled) return [];
  return callable.devices.flatMap((device) => {
    if (presence.isOnline(userId, device.deviceId)) return [];
    const after = Math.max(device.calledKey, seen.get(device.deviceId) ?? 0);
    const unseen = rows.filter(({ key }) => key > after);
    return unseen.length === 0 ? [] : [{ device, rows: unseen, callable }];
  });
}

/** Names are asked for only where content is shown. */
async function namesFor(
  absent: readonly Absent[],
  gathered: readonly (readonly Gathered[])[],
  conversations: Conversations,
): Promise<ReadonlyMap<string, string>> {
  const sides = absent.flatMap(({ device: { userId }, callable }, index) =>
    callable.settings.showContent
      ? gathered[index]!.flatMap(({ last }) => peopleIn(last).map((peer) => ({ userId, peer })))
      : [],
  );
  return sides.length === 0 ? new Map() : conversations.namesOf(sides);
}

function peopleIn({ kind, peer, from }: Calling): string[] {
  return kind === 'request' || peer === from ? [from] : [peer, from];
}

function callOf({ device, callable }: Absent, one: Gathered, key: number, names: ReadonlyMap<string, string>): NewCall {
  const { userId, deviceId } = device;
  const { peer, kind, count, last } = one;
  const nameOf = (who: string): string => names.get(sideOf({ userId, peer: who })) ?? '';
  const content = (): NewCall['content'] => {
    const isGroup = kind !== 'request' && peer !== last.from;
    const author = isGroup && nameOf(last.from) !== '' ? `${nameOf(last.from)}: ` : '';
    const text = last.text === '' ? '' : author + last.text;
    return { title: nameOf(isGroup ? peer : last.from), text, contentKind: last.contentKind };
  };
  return { userId, deviceId, peer, kind, count, key, content: callable.settings.showContent ? content() : undefined };
}
