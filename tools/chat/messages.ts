import type { LocalMessage } from '@magpie/sdk';
import type { Commands, Complaint, Desk, Peer } from './desk.js';

const HISTORY_DEFAULT = 20;
const HISTORY_MAX = 100;
const NO_PEER = 'whose? choose with /to <user or group>';

type Act = (peer: Peer, rest: readonly string[]) => Promise<Complaint | void>;

/** The commands about messages, and about the conversation that is open. */
export class MessageCommands implements Commands {
  readonly help = `/history [n]      the last n lines, from the server
/search <words>   lines in which they stand, from all conversations
/quote <line> <text>              answer a line
/burn <seconds> <text>            a message that is gone so long after it was read
/recall [line]    take a message of the last 2 minutes back; without a number the own last one
/delete [line]    for yourself alone; without a number the last one
/forward <line[,line…]> <user or group>
/clear            delete the whole conversation, for yourself alone
/pin, /mute, /save [off]          of the conversation
/draft [text]     what is not sent yet
/resend           send failed messages again`;

  readonly #acts: Readonly<Record<string, Act>> = {
    '/history': (peer, [count]) => this.#history(peer, Number(count ?? HISTORY_DEFAULT)),
    '/quote': (peer, [line = '', ...text]) => this.#quote(peer, line, text.join(' ')),
    '/burn': (peer, [seconds = '', ...text]) => this.#burn(peer, Number(seconds), text.join(' ')),
    '/recall': (peer, [line]) => this.#recall(peer, line),
    '/delete': (peer, [line = '-1']) => this.#delete(peer, line),
    '/forward': (peer, [lines = '', ...to]) => this.#forward(peer, lines.split(','), to.join(' ')),
    '/clear': ({ id }) => this.desk.client.clearConversation(id),
    '/pin': (peer, [off]) => this.#set(peer, { pinned: off !== 'off' }),
    '/mute': (peer, [off]) => this.#set(peer, { muted: off !== 'off' }),
    '/save': (peer, [off]) => this.#set(peer, { saved: off !== 'off' }),
    '/draft': (peer, text) => this.#set(peer, { draft: text.join(' ') }),
  };

  constructor(
    private readonly desk: Desk,
    private readonly show: (message: LocalMessage) => void,
  ) {}

  knows(word: string): boolean {
    return word in this.#acts || word === '/search' || word === '/resend';
  }

  async take(word: string, rest: readonly string[]): Promise<Complaint | void> {
    if (word === '/search') return this.#search(rest.join(' '));
    if (word === '/resend') return this.#resend();
    if (this.desk.peer === undefined) return NO_PEER;
    return this.#acts[word]!(this.desk.peer, rest);
  }

  async #history({ id }: Peer, limit: number): Promise<Complaint | void> {
    if (!(limit >= 1 && limit <= HISTORY_MAX)) return `/history: 1 to ${HISTORY_MAX} lines`;
    for (const message of await this.desk.client.history(id, { limit })) this.show(message);
  }

  async #search(query: string): Promise<Complaint | void> {
    if (query === '') return '/search for what?';
    const { messages, nextPageToken } = await this.desk.client.searchMessages(query);
    if (messages.length === 0) this.desk.print('nothing was found');
    for (const message of messages) this.desk.print(await this.desk.line(message));
    if (nextPageToken !== '') this.desk.print('there is more; say more of it');
  }

  async #quote({ id }: Peer, line: string, text: string): Promise<Complaint | void> {
    const { messageId: quoteMessageId } = (await this.desk.message(line)) ?? {};
    if (quoteMessageId === undefined) return noLine(line);
    if (text === '') return '/quote: and what do you say?';
    await this.desk.client.send(id, text, { quoteMessageId });
  }

  async #burn({ id }: Peer, seconds: number, text: string): Promise<Complaint | void> {
    if (!(seconds > 0) || text === '') return '/burn <seconds> <text>';
    await this.desk.client.send(id, text, { burnAfterMs: Math.round(seconds * 1000) });
  }

  async #recall({ id }: Peer, line: string | undefined): Promise<Complaint | void> {
    const message = line === undefined ? await this.#lastOwn(id) : await this.desk.message(line);
    if (message?.messageId === undefined) return noLine(line ?? '');
    await this.desk.client.recall(id, message.messageId);
  }

  async #lastOwn(peer: string): Promise<LocalMessage | undefined> {
    const lines = await this.desk.client.messages(peer, Number.MAX_SAFE_INTEGER);
    return lines.findLast(({ own, recalled, state }) => own && !recalled && state !== 'failed');
  }

  async #delete({ id }: Peer, line: string): Promise<Complaint | void> {
    const message = await this.desk.message(line);
    if (message === undefined) return noLine(line);
    if (message.messageId === undefined) await this.desk.client.discard(message.id);
    else await this.desk.client.deleteMessages(id, [message.messageId]);
  }

  async #forward({ id, name }: Peer, lines: readonly string[], toName: string): Promise<Complaint | void> {
    const to = await this.desk.find(toName);
    if (to === undefined) return `nobody is called "${toName}"`;
    const messageIds: string[] = [];
    for (const line of lines) {
      const message = await this.desk.message(line);
      if (message?.messageId === undefined) return noLine(line);
      messageIds.push(message.messageId);
    }
    const merged = messageIds.length > 1;
    await this.desk.client.forward(to.id, { peer: id, messageIds, ...(merged ? { merged, title: name } : {}) });
  }

  async #set({ id }: Peer, changes: Parameters<Desk['client']['setConversation']>[1]): Promise<void> {
    await this.desk.client.setConversation(id, changes);
  }

  async #resend(): Promise<void> {
    const { client } = this.desk;
    for (const { peer } of await client.conversations()) {
      const lines = await client.messages(peer, Number.MAX_SAFE_INTEGER);
      for (const { id } of lines.filter(({ state }) => state === 'failed')) await client.resend(id);
    }
  }
}

function noLine(line: string): Complaint {
  return `there is no line "${line}" to do that with: take the number before it, or -1 for the last one`;
}
