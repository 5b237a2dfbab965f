import { MagpieError, type Client, type LocalMessage } from '@magpie/sdk';
import { conversationLine, messageLine, stateMark } from './lines.js';
import { PEOPLE_HELP, PeopleCommands } from './people.js';
import { asChatError } from './sign-in.js';
import type { ChatOptions } from './options.js';
import type { Screen } from './screen.js';

const HELP = `/to <user name>   whom to write to; then every plain line is a message
/list             conversations
/history [n]      the last n lines, from the server
/resend           send failed messages again
${PEOPLE_HELP}
/quit             leave`;

const SHOWN_ON_OPENING = 20;
const HISTORY_MAX = 100;
/** An own line is shown with its mark when it is known, at the latest after this. */
const MARK_PATIENCE_MS = 400;
const FIRST_PULL_MS = 5_000;

/** One person at the keyboard (or a script): what is typed and what arrives, as lines. */
export class Chat {
  #peer: { readonly id: string; readonly name: string } | undefined;
  /** Lines wait for names, in order. */
  #printing: Promise<void> = Promise.resolve();
  /** Own messages that are on the screen, with the mark they were shown with. */
  readonly #marks = new Map<string, string>();
  readonly #shown = new Set<string>();
  readonly #people: PeopleCommands;
  failed = 0;

  constructor(
    private readonly client: Client,
    private readonly options: ChatOptions,
    private readonly screen: Screen,
  ) {
    this.#people = new PeopleCommands(
      client,
      (line) => screen.print(line),
      (userId) => this.#nameOf(userId),
    );
  }

  /** Shows what there is, then what arrives. */
  async open(): Promise<void> {
    const pulled = this.client.pull().catch(() => undefined);
    await Promise.race([pulled, new Promise((resolve) => setTimeout(resolve, FIRST_PULL_MS).unref())]);
    this.client.on('message', ({ message, initial }) => {
      if (!initial) this.#arrived(message);
    });
    this.client.on('state', (message) => this.#settled(message));
    this.#people.watch();
    await this.#list();
    if (!this.screen.terminal) await this.#showUnread();
    this.#prompt();
  }

  /** One line of input. False = leave. */
  async take(line: string): Promise<boolean> {
    const [word = '', ...rest] = line.trim().split(/\s+/);
    try {
      if (word === '/quit') return false;
      if (word === '') this.#prompt();
      else if (word === '/to') await this.#choose(rest[0] ?? '');
      else if (word === '/list') await this.#list();
      else if (word === '/history') await this.#history(Number(rest[0] ?? SHOWN_ON_OPENING));
      else if (word === '/resend') await this.#resend();
      else if (word === '/help') this.screen.print(HELP);
      else if (this.#people.knows(word)) await this.#aboutPeople(word, rest);
      else if (word.startsWith('/')) this.#complain(`there is no ${word}; /help shows what there is`);
      else await this.#send(line);
    } catch (error) {
      if (!(error instanceof MagpieError)) throw error;
      this.#complain(asChatError(error, this.options).message);
    }
    await this.#printing;
    this.#prompt();
    return true;
  }

  /** Resolves when every line has been written out. */
  async settled(): Promise<void> {
    await this.#printing;
  }

  #complain(text: string): void {
    this.failed++;
    this.screen.print(text);
  }

  #prompt(): void {
    this.screen.prompt(this.#peer === undefined ? '> ' : `${this.#peer.name}> `);
  }

  async #aboutPeople(word: string, rest: readonly string[]): Promise<void> {
    const complaint = await this.#people.take(word, rest);
    if (complaint !== undefined) this.#complain(complaint);
  }

  async #choose(userName: string): Promise<void> {
    if (userName === '') return this.#complain('/to whom?');
    const [user] = await this.client.search(userName);
    if (user === undefined) {
      this.#peer = undefined;
      return this.#complain(`nobody is called "${userName}"`);
    }
    this.#peer = { id: user.userId, name: user.nickname || user.userName };
    if (!this.screen.terminal) return;
    for (const message of await this.client.messages(user.userId, SHOWN_ON_OPENING)) this.#print(message);
    await this.client.markRead(user.userId);
  }

  async #send(line: string): Promise<void> {
    if (this.#peer === undefined) return this.#complain('to whom? choose with /to <user name>');
    this.screen.eraseTyped();
    const message = await this.client.send(this.#peer.id, line);
    if (!this.screen.terminal) return;
    setTimeout(() => {
      if (!this.#marks.has(message.id)) this.#print(message);
    }, MARK_PATIENCE_MS);
  }

  async #list(): Promise<void> {
    const conversations = await this.client.conversations();
    if (conversations.length === 0) this.screen.print('no conversations yet; begin one with /to <user name>');
    for (const conversation of conversations) {
      this.screen.print(conversationLine(conversation, await this.#nameOf(conversation.peer)));
    }
  }

  async #showUnread(): Promise<void> {
    for (const { peer, unread } of await this.client.conversations()) {
      if (unread === 0) continue;
      for (const message of await this.client.messages(peer, unread)) if (!message.own) this.#arrived(message);
      await this.client.markRead(peer);
    }
  }

  async #history(count: number): Promise<void> {
    if (this.#peer === undefined) return this.#complain('whose? choose with /to <user name>');
    if (!(count >= 1 && count <= HISTORY_MAX)) return this.#complain(`/history: 1 to ${HISTORY_MAX} lines`);
    for (const message of await this.client.history(this.#peer.id, { limit: count })) this.#print(message);
  }

  async #resend(): Promise<void> {
    for (const { peer } of await this.client.conversations()) {
      const lines = await this.client.messages(peer, Number.MAX_SAFE_INTEGER);
      for (const { id } of lines.filter(({ state }) => state === 'failed')) {
        this.#marks.delete(id);
        await this.client.resend(id);
      }
    }
  }

  #arrived(message: LocalMessage): void {
    if (this.#shown.has(message.id)) return;
    this.#shown.add(message.id);
    this.#print(message);
    if (!this.screen.terminal || message.peer === this.#peer?.id) {
      this.client.markRead(message.peer).catch(() => undefined);
    }
  }

  /** An own message got a new mark: its line, or only the mark when the line is on the screen already. */
  #settled(message: LocalMessage): void {
    if (!message.own || message.state === 'sending') return;
    const mark = stateMark(message);
    if (this.#marks.get(message.id) === mark) return;
    if (message.state === 'failed') this.failed++;
    this.#print(message);
  }

  #print(message: LocalMessage): void {
    if (message.own) this.#marks.set(message.id, stateMark(message));
    this.#printing = this.#printing.then(async () => {
      this.screen.print(messageLine(message, await this.#nameOf(message.peer)));
    });
  }

  async #nameOf(userId: string): Promise<string> {
    const profile = await this.client.profile(userId);
    return profile?.nickname || profile?.userName || userId;
  }
}
