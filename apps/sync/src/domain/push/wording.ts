import { PUSH_LIMITS } from './limits.js';

/** What a push says of what it is for. */
export interface Subject {
  readonly kind: 'message' | 'mention' | 'request';
  readonly count: number;
  /** Only for who wants to see content: the conversation and what stands there. */
  readonly content: { readonly title: string; readonly text: string; readonly contentKind: string } | undefined;
}

export interface Wording {
  readonly title: string;
  readonly body: string;
}

interface Words {
  readonly message: string;
  readonly messages: (count: number) => string;
  readonly mention: string;
  readonly request: string;
  readonly kinds: Readonly<Record<string, string>>;
}

const ENGLISH: Words = {
  message: 'New message',
  messages: (count) => `${count} new messages`,
  mention: 'You were mentioned',
  request: 'New friend request',
  kinds: {
    image: '[Photo]',
    voice: '[Voice message]',
    video: '[Video]',
    sticker: '[Sticker]',
    file: '[File]',
    location: '[Location]',
    card: '[Contact card]',
    link: '[Link]',
    merged: '[Chat history]',
  },
};

const CHINESE: Words = {
  message: '新消息',
  messages: (count) => `${count} 条新消息`,
  mention: '有人@我',
  request: '新的朋友',
  kinds: {
    image: '[图片]',
    voice: '[语音]',
    video: '[视频]',
    sticker: '[表情]',
    file: '[文件]',
    location: '[位置]',
    card: '[名片]',
    link: '[链接]',
    merged: '[聊天记录]',
  },
};

/** Title and body in the language of a device; the body is empty where no content is shown. */
export function wordingOf({ kind, count, content }: Subject, locale: string): Wording {
  const words = /^zh\b/i.test(locale) ? CHINESE : ENGLISH;
  const plain = kind === 'message' ? (count > 1 ? words.messages(count) : words.message) : words[kind];
  if (content === undefined || content.title === '') return { title: plain, body: '' };
  const text = content.text === '' ? (words.kinds[content.contentKind] ?? plain) : content.text;
  return { title: content.title, body: cut(kind === 'request' && content.text === '' ? plain : text) };
}

function cut(text: string): string {
  const characters = [...text];
  if (characters.length <= PUSH_LIMITS.previewLengthMax) return text;
  return `${characters.slice(0, PUSH_LIMITS.previewLengthMax - 1).join('')}…`;
}
