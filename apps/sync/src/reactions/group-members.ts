import { EVENTS, type event, type EventType } from '@magpie/contracts';
import {
  foldMembership,
  membersAt,
  membershipFrom,
  NO_MEMBERSHIP,
  type Membership,
  type MembershipChange,
} from '@magpie/domain';
import type { LogRecord } from '@magpie/event-log';
import { pairMembers, type Groups, type Members } from '../clients/members.client.js';
import { LIMITS } from '../domain/limits.js';
import { GROUP_TOPIC } from '../domain/place.js';

const GROUP_CHANGED = 'magpie.messaging.v1.GroupChanged' satisfies EventType;

/** What records say of one group. */
interface Said {
  /** Position of the first of them. */
  readonly from: number;
  readonly changes: MembershipChange[];
}

/**
 * Who was in the groups of one source partition, for the work from one gain to its loss: asked for once, and from there
 * on folded forward by the records that pass (machinery.md §3.6).
 */
export class GroupMembers {
  /** Right from the records that passed last on; the longest unused first. */
  readonly #kept = new Map<string, Membership>();
  /** Users in all of them. */
  #users = 0;

  constructor(private readonly groups: Groups) {}

  /** Members at the positions of these records; later than those of the calls before, or the same again. */
  of(records: readonly LogRecord[]): Members | Promise<Members> {
    const said = saidIn(records);
    return said.size === 0 ? pairMembers : this.#of(said);
  }

  async #of(said: ReadonlyMap<string, Said>): Promise<Members> {
    const asked = new Map<string, number>();
    for (const [conversation, { from, changes }] of said) {
      const begins = changes[0]?.version === 1 && changes[0].position === from;
      if (!begins && !this.#kept.has(conversation)) asked.set(conversation, from);
    }
    const found = asked.size === 0 ? undefined : await this.groups.read(asked);
    const here = new Map<string, Membership>();
    for (const [conversation, { from, changes }] of said) {
      const before = this.#kept.get(conversation) ?? found?.get(conversation) ?? NO_MEMBERSHIP;
      here.set(conversation, changes.reduce(foldMembership, membershipFrom(before, from)));
    }
    this.#keep(here);
    return { at: (conversation, position) => membersIn(here.get(conversation), conversation, position) };
  }

  #keep(here: ReadonlyMap<string, Membership>): void {
    for (const [conversation, membership] of here) {
      this.#forget(conversation);
      this.#kept.set(conversation, membership);
      this.#users += membership.intervals.size;
    }
    for (const conversation of this.#kept.keys()) {
      if (this.#users <= LIMITS.membersKeptMax) break;
      this.#forget(conversation);
    }
  }

  #forget(conversation: string): void {
    this.#users -= this.#kept.get(conversation)?.intervals.size ?? 0;
    this.#kept.delete(conversation);
  }
}

/** Members as the commits of one stream say, where nothing has a position but its version. */
export function membersOfStream(stream: readonly event.ReadEventsResponse_Entry[]): Members {
  const changes = stream.flatMap(({ version, events }) => changesIn(events, version, version));
  if (changes.length === 0) return pairMembers;
  const conversation = stream[0]!.key;
  const membership = changes.reduce(foldMembership, NO_MEMBERSHIP);
  return { at: (of, version) => membersIn(of === conversation ? membership : undefined, of, version) };
}

function membersIn(membership: Membership | undefined, conversation: string, position: number) {
  if (membership === undefined) return pairMembers.at(conversation, position);
  return membership.version === 0 ? undefined : membersAt(membership, position);
}

function saidIn(records: readonly LogRecord[]): Map<string, Said> {
  const said = new Map<string, Said>();
  for (const { topic, key, version, position, events } of records) {
    if (!key.startsWith('g.') || topic !== GROUP_TOPIC) continue;
    const changes = version === 0 ? [] : changesIn(events, version, position);
    const known = said.get(key);
    if (known === undefined) said.set(key, { from: position, changes });
    else known.changes.push(...changes);
  }
  return said;
}

function changesIn(events: readonly event.Event[], version: number, position: number): MembershipChange[] {
  return events.flatMap(({ type, body }) => {
    if (type !== GROUP_CHANGED) return [];
    const { joined, left } = EVENTS[GROUP_CHANGED].decode(body);
    return [{ version, position, joined, left }];
  });
}
