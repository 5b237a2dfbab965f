import { social, textOf, type Conversation, type LocalMessage, type MessageState } from '@magpie/sdk';

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

export function messageLine(message: LocalMessage, name: string): string {
  const body = message.recalled ? '(recalled)' : textOf(message.content);
  const head = `${clockTime(message.timeMs)} ${message.own ? `you → ${name}` : name}: ${body}`;
  return message.own ? `${head} ${stateMark(message)}` : head;
}

export function conversationLine({ unread, last }: Conversation, name: string): string {
  const text = last === undefined ? '' : `${last.own ? 'you: ' : ''}${textOf(last.content)}`.replace(/\s+/g, ' ');
  const preview = [...text].length > PREVIEW_LENGTH_MAX ? `${[...text].slice(0, PREVIEW_LENGTH_MAX).join('')}…` : text;
  const mark = unread > 0 ? `● ${unread} new` : '';
  return `  ${name}${mark === '' ? '' : ` ${mark}`}  ${last === undefined ? '' : clockTime(last.timeMs)}  ${preview}`.trimEnd();
}

export function contactLine({ state, remark, blocked }: social.Contact, name: string): string {
  const known = remark === '' ? name : `${remark} (${name})`;
  const isFriend = state === social.Contact_State.FRIEND;
  return `  ${known}: ${isFriend ? 'friend' : 'not a friend'}${blocked ? ', blocked' : ''}`;
}

const ANSWERS: Readonly<Record<social.FriendRequestItem_RequestState, string>> = {
  [social.FriendRequestItem_RequestState.REQUEST_STATE_UNSPECIFIED]: '',
  [social.FriendRequestItem_RequestState.PENDING]: 'waits',
  [social.FriendRequestItem_RequestState.ACCEPTED]: 'accepted',
  [social.FriendRequestItem_RequestState.REFUSED]: 'refused',
  [social.FriendRequestItem_RequestState.EXPIRED]: 'expired',
  [social.FriendRequestItem_RequestState.UNRECOGNIZED]: '',
};

export function requestLine({ greeting, state, atMs }: social.FriendRequestItem, own: boolean, name: string): string {
  const who = own ? `you asked ${name}` : `${name} asks to be friends`;
  return `${clockTime(atMs)} ${who}${greeting === '' ? '' : `: ${greeting}`} (${ANSWERS[state]})`;
}
