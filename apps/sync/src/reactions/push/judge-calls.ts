import type { Presence } from '../../clients/push/presence.js';
import type { CallQueue, NewCall } from '../../commands/push/call-queue.js';
import type { Row } from '../../domain/entry.js';
import { gather, type Calling, type Gathered } from '../../domain/push/calling.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Registration } from '../../domain/push/registration.js';
import { sideOf, type Conversations } from '../../queries/push/conversations.js';
import type { Callable, Registered } from '../../queries/push/registered.js';
import { callIdOf } from '../../queries/push/stored.js';
import { heardBy, type Heard } from './calling-of.js';

/** What came for one user since the grace began. */
export interface Waiting {
  readonly userId: string;
  /** In the order of their keys. */
  readonly rows: readonly Row[];
  /** Feed key that a device has seen meanwhile, by device. */
  readonly seen: ReadonlyMap<string, number>;
}

export interface JudgeParts {
  readonly registered: Pick<Registered, 'of'>;
  readonly presence: Presence;
  readonly conversations: Conversations;
  readonly queue: Pick<CallQueue, 'put' | 'read' | 'over'>;
  /** A device is called for an entry with this key. */
  readonly called: (userId: string, deviceId: string, key: number) => void;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** A user who has registered devices, and what came. */
interface Concerned extends Waiting {
  readonly callable: Callable;
  readonly heard: readonly Heard[];
}

/** One device that is not online, and what calls it. */
interface Absent {
  readonly device: Registration;
  readonly showContent: boolean;
  readonly gathered: readonly Gathered[];
}

/** Decides which devices are called for what, and puts that into the queue. Answers how many calls these are. */
export async function judgeCalls(waiting: readonly Waiting[], parts: JudgeParts): Promise<number> {
  const callables = await parts.registered.of(waiting.map(({ userId }) => userId));
  const concerned = waiting.flatMap((one): Concerned[] => {
    const callable = callables.get(one.userId);
    if (callable === undefined || callable.devices.length === 0) return [];
    return [{ ...one, callable, heard: one.rows.map((row) => heardBy(one.userId, row)) }];
  });
  for (const one of concerned) await endCalls(one, parts.queue);
  const muted = await mutedAmong(concerned, parts.conversations);
  const now = parts.now();
  const absent = concerned.flatMap((one) => absentOf(one, { muted, now }, parts.presence));
  const names = await namesFor(absent, parts.conversations);
  const calls = absent.flatMap((one) => one.gathered.map((each) => callOf(one, each, names)));
  await parts.queue.put(calls, now);
  for (const { userId, deviceId, keys } of calls) parts.called(userId, deviceId, keys.at(-1)!);
  return calls.length;
}

/** Of calls that were put before. */
async function endCalls({ userId, callable, heard }: Concerned, queue: JudgeParts['queue']): Promise<void> {
  for (const one of heard) {
    if (one.says === 'Over') await queue.over(userId, one.id);
    if (one.says !== 'Read') continue;
    const ids = callable.devices.map(({ deviceId }) => callIdOf(userId, deviceId, one.peer));
    await queue.read(ids, one.position);
  }
}

const NOBODY: ReadonlySet<string> = new Set();

async function mutedAmong(concerned: readonly Concerned[], conversations: Conversations): Promise<ReadonlySet<string>> {
  const sides = concerned.flatMap(({ userId, heard }) =>
    heard.flatMap((one) =>
      one.says === 'Call' && one.calling.kind === 'message' ? [{ userId, peer: one.calling.peer }] : [],
    ),
  );
  return sides.length === 0 ? NOBODY : conversations.mutedOf(sides);
}

function absentOf(
  { userId, heard, seen, callable }: Concerned,
  { muted, now }: { muted: ReadonlySet<string>; now: number },
  presence: Presence,
): Absent[] {
  const { devices, settings } = callable;
  if (!settings.enabled) return [];
  const callings = heard.flatMap((one) => (one.says === 'Call' ? [one.calling] : []));
  const judged = {
    muted: new Set(callings.map(({ peer }) => peer).filter((peer) => muted.has(sideOf({ userId, peer })))),
    over: new Set(heard.flatMap((one) => (one.says === 'Over' ? [one.id] : []))),
    read: new Map(heard.flatMap((one) => (one.says === 'Read' ? [[one.peer, one.position] as const] : []))),
    ...{ now, expiryMs: PUSH_LIMITS.expiryMs },
  };
  return devices.flatMap((device) => {
    if (presence.isOnline(userId, device.deviceId)) return [];
    const after = seen.get(device.deviceId) ?? 0;
    const gathered = gather({ ...judged, callings: callings.filter(({ key }) => key > after) });
    return gathered.length === 0 ? [] : [{ device, showContent: settings.showContent, gathered }];
  });
}

/** Names are asked for only where content is shown. */
async function namesFor(absent: readonly Absent[], conversations: Conversations): Promise<ReadonlyMap<string, string>> {
  const sides = absent.flatMap(({ device: { userId }, showContent, gathered }) =>
    showContent ? gathered.flatMap(({ last }) => peopleIn(last).map((peer) => ({ userId, peer }))) : [],
  );
  return sides.length === 0 ? new Map() : conversations.namesOf(sides);
}

function peopleIn({ kind, peer, from }: Calling): string[] {
  return kind === 'request' || peer === from ? [from] : [peer, from];
}

function callOf({ device, showContent }: Absent, one: Gathered, names: ReadonlyMap<string, string>): NewCall {
  const { userId, deviceId } = device;
  const { peer, kind, keys, last } = one;
  const nameOf = (who: string): string => names.get(sideOf({ userId, peer: who })) ?? '';
  const content = (): NewCall['content'] => {
    const isGroup = kind !== 'request' && peer !== last.from;
    const author = isGroup && nameOf(last.from) !== '' ? `${nameOf(last.from)}: ` : '';
    const text = last.text === '' ? '' : author + last.text;
    return { title: nameOf(isGroup ? peer : last.from), text, contentKind: last.contentKind };
  };
  const { messageId, position } = last;
  const common = { userId, deviceId, peer, kind, keys, messageId, position };
  return { ...common, content: showContent ? content() : undefined };
}
