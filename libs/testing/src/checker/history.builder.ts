import type { Membership } from './conversation.js';
import { DeliveryChecker, type SendReport, type Verdict } from './delivery-checker.js';
import type { ShownMessage } from './device-log.js';
import type { Outcome } from './messages.js';

/** What a run is made of; plain data, so that a spec can spoil one thing of a clean one. */
export interface History {
  members: { conversation: string; membership: Membership }[];
  sends: SendReport[];
  devices: { user: string; device: string; events: DeviceEvent[] }[];
}
export type DeviceEvent = { readonly show: ShownMessage } | { readonly held: number };

/** One message of a plan: who sends it where (both taken modulo what exists) and how that ends. */
export interface PlannedSend {
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
  /** Whether a message of unknown fate reached the log. */
  readonly landed: boolean;
}
export interface Plan {
  readonly users: number;
  readonly devicesPerUser: number;
  readonly sends: readonly PlannedSend[];
  /** Entries per pull. */
  readonly page: number;
  /** The second user is a member of the group only within these positions. */
  readonly guest: { readonly from: number; readonly to: number };
}

const GROUP = 'g.room';
const POSITION_STEP = 2;
const KEY_STEP = 3;

/** A run without a fault: everybody in a group and in pairs with the first user, every device caught up. */
export function cleanHistory(plan: Plan): History {
  const users = Array.from({ length: plan.users }, (_, index) => `u${index}`);
  const pairs = users.map((user) => ({ conversation: `d.u0.${user}`, members: [...new Set(['u0', user])] }));
  const members = [
    ...users.map((user, index) => ({ conversation: GROUP, membership: { user, ...(index === 1 ? plan.guest : {}) } })),
    ...pairs.flatMap(({ conversation, members }) => members.map((user) => ({ conversation, membership: { user } }))),
  ];
  const sends: SendReport[] = [];
  const feeds = new Map<string, ShownMessage[]>(users.map((user) => [user, []]));
  plan.sends.forEach((planned, index) => {
    const from = users[planned.from % users.length]!;
    const target = planned.to % (pairs.length + 1);
    const conversation = pairs[target]?.members.includes(from) ? pairs[target].conversation : GROUP;
    const messageId = `m${index}`;
    sends.push({ user: from, device: 'd0', conversation, messageId, outcome: planned.outcome });
    if (planned.outcome === 'refused' || (planned.outcome === 'unknown' && !planned.landed)) return;
    const position = index * POSITION_STEP;
    for (const user of recipients(members, conversation, position, from)) {
      const feed = feeds.get(user)!;
      feed.push({ messageId, conversation, position, key: (feed.length + 1) * KEY_STEP });
    }
  });
  const devices = users.flatMap((user) =>
    Array.from({ length: plan.devicesPerUser }, (_, n) => {
      return { user, device: `d${n}`, events: pulled(feeds.get(user)!, plan.page + n) };
    }),
  );
  return { members, sends, devices };
}

/** Tells a checker all of it, devices first: acknowledgements may well arrive after what they acknowledge. */
export function judge(history: History): Verdict {
  const checker = new DeliveryChecker();
  for (const { conversation, membership } of history.members) checker.member(conversation, membership);
  for (const { user, device, events } of history.devices) {
    const log = checker.device(user, device);
    for (const event of events) {
      if ('show' in event) log.shown(event.show);
      else log.held(event.held);
    }
    log.settled();
  }
  for (const report of history.sends) checker.sent(report);
  return checker.finish();
}

export function recipients(
  members: History['members'],
  conversation: string,
  position: number,
  sender: string,
): string[] {
  const inside = members.filter(
    ({ conversation: of, membership: { from, to } }) =>
      of === conversation && position >= (from ?? -Infinity) && position < (to ?? Infinity),
  );
  return [...new Set([sender, ...inside.map(({ membership }) => membership.user)])];
}

function pulled(feed: readonly ShownMessage[], page: number): DeviceEvent[] {
  const events: DeviceEvent[] = [];
  feed.forEach((show, index) => {
    events.push({ show });
    if ((index + 1) % page === 0 || index === feed.length - 1) events.push({ held: show.key });
  });
  return events;
}
