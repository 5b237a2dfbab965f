import type { Group, GroupChange, GroupChangeType, GroupEvent, MemberCode, TipMade } from './group-state.js';
import { GROUP_LIMITS } from './limits.js';

/** What every command of a group comes with. */
export interface Given {
  readonly by: string;
  readonly now: number;
  /** Of the client: what is made by the command is named after it. */
  readonly commandId: string;
  /** Digest of the request. */
  readonly asked: string;
}

/** undefined = stays as it is. */
export interface GroupSettings {
  readonly name: string | undefined;
  readonly announcement: string | undefined;
  readonly approvalNeeded: boolean | undefined;
  readonly mutedAll: boolean | undefined;
}

export interface CommandTypes {
  Create: { readonly groupId: string; readonly name: string; readonly members: readonly string[] };
  /** `refused`: whom `by` may not add, whatever the group says. */
  Add: { readonly members: readonly string[]; readonly refused: ReadonlyMap<string, MemberCode> };
  /** By a ticket that `invitedBy` has made. */
  Join: { readonly invitedBy: string };
  Answer: { readonly requestId: string; readonly accept: boolean };
  Remove: { readonly userId: string };
  Leave: object;
  Dissolve: object;
  Update: GroupSettings;
  SetAdmin: { readonly userId: string; readonly admin: boolean };
  Transfer: { readonly userId: string };
  Mute: { readonly userId: string; readonly durationMs: number };
  EditMember: { readonly nickname: string };
}

export type CommandOf<T extends keyof CommandTypes> = Given & CommandTypes[T];
export type GroupCommand = { [T in keyof CommandTypes]: { readonly type: T } & CommandOf<T> }[keyof CommandTypes];

type Data = GroupChange['data'];

/** A change that `given` makes, and the tip that tells of it, if the members are to read one. */
export function changed(
  type: GroupChangeType,
  group: Group,
  { by, now, asked }: Given,
  more: Partial<Pick<Data, 'joined' | 'left' | 'requests' | 'results'>> = {},
  tip?: TipMade,
): readonly GroupEvent[] {
  const mutes = Object.fromEntries(Object.entries(group.mutes).filter(([, until]) => until > now));
  const nothing = { joined: [], left: [], requests: [], results: [] };
  const data = { group: { ...group, mutes }, ...nothing, ...more, by, at: now, asked };
  const change: GroupChange = { type, version: 1, data };
  return tip ? [change, tip] : [change];
}

/** The codes that tips may have: README.md, "Tips". */
export type TipCode =
  | 'group.created'
  | 'group.members-added'
  | 'group.member-joined'
  | 'group.member-removed'
  | 'group.member-left'
  | 'group.updated'
  | 'group.admin-set'
  | 'group.admin-unset'
  | 'group.transferred'
  | 'group.member-muted'
  | 'group.member-unmuted';

export function tip(code: TipCode, { now }: Given, values: Readonly<Record<string, string>>): TipMade {
  return { type: 'TipMade', version: 1, data: { code, values, at: now } };
}

/** Whom a tip is about, and how many they are: it names the first ones. */
export function named(users: readonly string[]): { members: string; count: string } {
  return { members: users.slice(0, GROUP_LIMITS.tipNamesMax).join(','), count: String(users.length) };
}
