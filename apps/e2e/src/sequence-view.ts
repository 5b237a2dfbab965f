import { messaging, social } from '@magpie/contracts';
import type { LocalMessage } from '@magpie/sdk';
import type { ChatModel } from './chat-model.js';
import type { GroupModel } from './group-model.js';
import type { Person } from './person.js';

const { FRIEND, DELETED, STRANGER } = social.Contact_State;
const { JOINED, DISSOLVED } = messaging.Group_State;
const { OWNER, ADMIN, MEMBER } = messaging.Role;
const ROLES: Partial<Record<messaging.Role, string>> = { [OWNER]: 'OWNER', [ADMIN]: 'ADMIN', [MEMBER]: 'MEMBER' };
/** Messages of a conversation that are looked at. */
export const SHOWN_MAX = 500;

/** What every device of a user must come to show. `userIds`: of the users by their numbers. */
export function wantedOf(model: ChatModel, userIds: readonly string[], user: number) {
  const peers = [...userIds.keys(), ...model.groups.map(({ id }) => id)];
  return {
    contacts: [...userIds.keys()].map((other) => {
      const { has, hasHad, blocked, remark } = model.contact(user, other);
      return { state: has ? FRIEND : hasHad ? DELETED : STRANGER, blocked, remark };
    }),
    groups: model.groups.map((group) => wantedGroup(user, group)),
    conversations: peers.map((peer) => ({
      peer: typeof peer === 'number' ? userIds[peer]! : peer,
      unread: model.unread(user, peer),
      ...model.setting(user, peer),
      lines: model.seen(user, peer).map(({ text, from }) => `${from}: ${text ?? RECALLED}`),
    })),
  };
}

const RECALLED = '(recalled)';

function wantedGroup(user: number, { roles, left, name, mutedAll, dissolvedAt }: GroupModel): string {
  if (!roles.has(user)) return left.has(user) ? (left.get(user) === dissolvedAt ? 'dissolved' : 'left') : 'unknown';
  return groupText(name, mutedAll, [...roles]);
}

function groupText(
  name: string,
  mutedAll: boolean,
  members: readonly (readonly [number, string | undefined])[],
): string {
  const named = members.map(([member, role]) => `${member} ${role}`).toSorted();
  return `${name}${mutedAll ? ' (muted)' : ''}: ${named.join(', ')}`;
}

/** What a device shows, in the same terms. */
export async function seenOn(person: Person, model: ChatModel, userIds: readonly string[]) {
  const { client } = person;
  const contacts = await client.people.contacts();
  const groups = await client.groups.list();
  const conversations = [];
  for (const peer of [...userIds, ...model.groups.map(({ id }) => id)]) {
    const { unread, pinned = false, muted = false, draft = '' } = await client.conversation(peer);
    conversations.push({ peer, unread, pinned, muted, draft, lines: await linesOf(person, userIds, peer) });
  }
  return {
    contacts: userIds.map((userId) => {
      const contact = contacts.find((each) => each.userId === userId);
      const { state = STRANGER, blocked = false, remark = '' } = contact ?? {};
      return { state, blocked, remark };
    }),
    groups: model.groups.map(({ id }) =>
      groupAsSeen(
        groups.find(({ groupId }) => groupId === id),
        userIds,
      ),
    ),
    conversations,
  };
}

function groupAsSeen(group: messaging.Group | undefined, userIds: readonly string[]): string {
  if (group === undefined) return 'unknown';
  if (group.state !== JOINED) return group.state === DISSOLVED ? 'dissolved' : 'left';
  const members = group.members.map(({ userId, role }) => [userIds.indexOf(userId), ROLES[role]] as const);
  return groupText(group.name, group.mutedAll, members);
}

/** What stands in a conversation, without what the system tells and what was refused. */
export async function linesOf({ client }: Person, userIds: readonly string[], peer: string): Promise<string[]> {
  const messages = await client.messages(peer, SHOWN_MAX);
  return messages
    .filter(({ messageId, content }) => messageId !== undefined && content.content?.$case !== 'system')
    .map((each) => `${userIds.indexOf(each.from)}: ${each.recalled ? RECALLED : textIn(each)}`);
}

export function textIn({ content: { content } }: LocalMessage): string {
  return content?.$case === 'text' ? content.value.text : '';
}
