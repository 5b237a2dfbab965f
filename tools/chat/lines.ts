import { messaging, social, type Conversation, type LocalMessage, type MessageState } from '@magpie/sdk';

const PREVIEW_LENGTH_MAX = 50;

export function clockTime(timeMs: number): string {
  const date = new Date(timeMs);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

const MARKS: Partial<Record<MessageState, string>> = { sending: '…', sent: '✓', delivered: '✓✓', read: '✓✓ read' };

/** … on its way, ✓ at the server, ✓✓ on a device of the other one, ✗ failed and why. */
export function stateMark({ state, error }: LocalMessage): string {
  const mark = MARKS[state];
  if (mark !== undefined) return mark;
  if (error?.uncertain) return '✗ no answer, it may have arrived (/resend is safe)';
  return `✗ ${error?.reason || (error?.code ?? 'failed')}`;
}

/** `peer` is the name of the conversation, `from` that of who wrote, `body` what is to be read. */
export function messageLine(message: LocalMessage, peer: string, from: string, body: string): string {
  const time = clockTime(message.timeMs);
  if (message.own) return `${time} you → ${peer}: ${body} ${stateMark(message)}`;
  const isTip = message.from === '';
  const who = message.from === message.peer ? peer : isTip ? peer : `${peer} | ${from}`;
  return `${time} ${who}: ${body}`;
}

export function conversationLine(conversation: Conversation, name: string, lastBody: string): string {
  const { unread, mentioned, last, pinned, muted, draft } = conversation;
  const text = `${last?.own ? 'you: ' : ''}${lastBody}`.replace(/\s+/g, ' ');
  const parts = [
    `${pinned ? '↑ ' : ''}${name}${unread > 0 ? ` ● ${unread} new${mentioned ? ' @' : ''}` : ''}${muted ? ' (muted)' : ''}`,
    last === undefined ? '' : clockTime(last.timeMs),
    last === undefined ? '' : shortened(text),
    draft === undefined ? '' : `[draft: ${shortened(draft)}]`,
  ];
  return `  ${parts.filter((part) => part !== '').join('  ')}`;
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length > PREVIEW_LENGTH_MAX ? `${characters.slice(0, PREVIEW_LENGTH_MAX).join('')}…` : text;
}

export function contactLine({ state, remark, blocked }: social.Contact, name: string): string {
  const known = remark === '' ? name : `${remark} (${name})`;
  const isFriend = state === social.Contact_State.FRIEND;
  return `  ${known}: ${isFriend ? 'friend' : 'not a friend'}${blocked ? ', blocked' : ''}`;
}

/** By the number that a state has on the wire: of friend requests, and of requests to join. */
const FRIEND_ANSWERS = ['', 'waits', 'accepted', 'refused', 'expired'];
const JOIN_ANSWERS = ['', 'waits', 'let in', 'turned away', 'withdrawn'];

export function requestLine({ greeting, state, atMs }: social.FriendRequestItem, own: boolean, name: string): string {
  const who = own ? `you asked ${name}` : `${name} asks to be friends`;
  return `${clockTime(atMs)} ${who}${greeting === '' ? '' : `: ${greeting}`} (${FRIEND_ANSWERS[state] ?? ''})`;
}

/** `user` and `invitedBy` are names; the latter is empty for who came by ticket. */
export function joinRequestLine(
  request: messaging.JoinRequest,
  group: string,
  user: string,
  invitedBy: string,
): string {
  const how = invitedBy === '' ? 'by ticket' : `invited by ${invitedBy}`;
  return `${clockTime(request.atMs)} ${group}: ${user} wants to join, ${how} (${JOIN_ANSWERS[request.state] ?? ''})`;
}

const STATES: Partial<Record<messaging.Group_State, string>> = {
  [messaging.Group_State.LEFT]: ', left',
  [messaging.Group_State.DISSOLVED]: ', dissolved',
};

export function groupLine({ name, memberCount, state }: messaging.Group): string {
  return `  ${name}: ${memberCount} members${STATES[state] ?? ''}`;
}

const ROLES: Partial<Record<messaging.Role, string>> = {
  [messaging.Role.OWNER]: ' (owner)',
  [messaging.Role.ADMIN]: ' (admin)',
};

export function memberLine({ nickname, role, mutedUntilMs }: messaging.Member, name: string, nowMs: number): string {
  const muted = mutedUntilMs > nowMs ? `, muted until ${clockTime(mutedUntilMs)}` : '';
  return `    ${nickname === '' ? name : `${nickname} (${name})`}${ROLES[role] ?? ''}${muted}`;
}
