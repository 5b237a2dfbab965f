import { ALL, MagpieError, type Client, type LocalMessage, type messaging } from '@magpie/sdk';
import { bodyInWords } from './contents.js';
import { Desk, type Commands } from './desk.js';
import { GroupCommands } from './groups.js';
import { conversationLine, stateMark } from './lines.js';
import { MessageCommands } from './messages.js';
import { PeopleCommands } from './people.js';
import { asChatError } from './sign-in.js';
import type { ChatOptions } from './options.js';
import type { Screen } from './screen.js';

const HELP = `/to <user name or group>          whom to write to; then every plain line is a message
/list             conversations`;

/** Behind a line: what its marks mean. */
const MARKS_HELP = `Lines have numbers. Own ones: … on its way, ✓ at the server, ✓✓ on a device of the other, ✗ failed.
@<user name> or @all in a group calls them.`;

const SHOWN_ON_OPENING = 20;
/** An own line is shown with its mark when it is known, at the latest after this. */
const MARK_PATIENCE_MS = 400;
const FIRST_PULL_MS = 5_000;

/** One person at the keyboard (or a script): what is typed and what arrives, as lines. */
export class Chat {
  /** Lines wait for names, in order. */
  #printing: Promise<void> = Promise.resolve();
  /** Own messages that are on the screen, with the mark they were shown with. */
  readonly #marks = new Map<string, string>();
  /** By conversation: what was last said of how far the other one is. */
  readonly #told = new Map<string, string>();
  readonly #shown = new Set<string>();
  readonly #desk: Desk;
  readonly #people: PeopleCommands;
  readonly #groups: GroupCommands;
  readonly #commands: readonly Commands[];
  /** Who writes in the open conversation at this moment. */
  readonly #writing = new Set<string>();
  failed = 0;

  constructor(
    private readonly client: Client,
    private readonly options: ChatOptions,
    private readonly screen: Screen,
  ) {
    this.#desk = new Desk(client, (line) => screen.print(line));
    this.#people = new PeopleCommands(this.#desk);
    this.#groups = new GroupCommands(this.#desk);
    const messages = new MessageCommands(this.#desk, (message) => this.#print(message));
    this.#commands = [messages, this.#people, this.#groups];
  }

  /** Shows what there is, then what arrives. */
  async open(): Promise<void> {
    const pulled = this.client.pull().catch(() => undefined);
    await Promise.race([pulled, new Promise((resolve) => setTimeout(resolve, FIRST_PULL_MS).unref())]);
    this.client.on('message', ({ message, initial }) => {
      if (!initial) this.#arrived(message);
    });
    this.client.on('state', (message) => this.#settled(message));
    this.client.on('receipt', (receipt) => void this.#received(receipt));
    this.client.on('typing', ({ peer, userId, typing }) => void this.#typing(peer, userId, typing));
    this.screen.typed((text) => this.#typed(text));
    this.#people.watch();
    this.#groups.watch();
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
      else if (word === '/to') await this.#choose(rest.join(' '));
      else if (word === '/list') await this.#list();
      else if (word === '/help') this.#help();
      else if (word.startsWith('/')) await this.#command(word, rest);
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
    const { peer } = this.#desk;
    const writing = this.#writing.size > 0 ? ` (${[...this.#writing].join(', ')} …)` : '';
    this.screen.prompt(peer === undefined ? '> ' : `${peer.name}${writing}> `);
  }

  #help(): void {
    const all = [HELP, ...this.#commands.map(({ help }) => help), '/quit             leave', MARKS_HELP];
    this.screen.print(all.join('\n'));
  }

  async #command(word: string, rest: readonly string[]): Promise<void> {
    const commands = this.#commands.find((each) => each.knows(word));
    const complaint =
      commands === undefined ? `there is no ${word}; /help shows what there is` : await commands.take(word, rest);
    if (complaint !== undefined) this.#complain(complaint);
  }

  async #choose(name: string): Promise<void> {
    if (name === '') return this.#complain('/to whom?');
    this.#writing.clear();
    this.#desk.peer = await this.#desk.find(name);
    if (this.#desk.peer === undefined) return this.#complain(`nobody is called "${name}"`);
    const { id } = this.#desk.peer;
    if (!this.screen.terminal) return;
    for (const message of await this.client.messages(id, SHOWN_ON_OPENING)) this.#print(message);
    const { draft } = await this.client.conversation(id);
    if (draft !== undefined) this.screen.print(`draft: ${draft}`);
    await this.client.markRead(id);
  }

  async #send(line: string): Promise<void> {
    const { peer } = this.#desk;
    if (peer === undefined) return this.#complain('to whom? choose with /to <user or group>');
    this.screen.eraseTyped();
    const mentions = peer.id.startsWith('g') ? await this.#called(peer.id, line) : [];
    const message = await this.client.send(peer.id, line, mentions.length === 0 ? {} : { mentions });
    this.client.typing(peer.id, false);
    if ((await this.client.conversation(peer.id)).draft !== undefined) {
      await this.client.setConversation(peer.id, { draft: '' });
    }
    if (!this.screen.terminal) return;
    setTimeout(() => {
      if (!this.#marks.has(message.id)) this.#print(message);
    }, MARK_PATIENCE_MS);
  }

  /** The members whom a line calls by @name. */
  async #called(groupId: string, line: string): Promise<string[]> {
    const names = [...line.matchAll(/(?<=^|\s)@([a-z][a-z0-9_-]{2,31})/g)].map(([, name]) => name!);
    if (names.length === 0) return [];
    const members = (await this.client.groups.get(groupId))?.members ?? [];
    const called = names.map(async (name) => {
      if (name === ALL) return ALL;
      const [user] = await this.client.search(name);
      return members.find(({ userId }) => userId === user?.userId)?.userId;
    });
    return [...new Set(await Promise.all(called))].filter((each) => each !== undefined);
  }

  async #list(): Promise<void> {
    const conversations = await this.client.conversations();
    if (conversations.length === 0) this.screen.print('no conversations yet; begin one with /to <user name>');
    for (const conversation of conversations) {
      const { peer, last } = conversation;
      const body = last === undefined ? '' : await bodyInWords(last, this.#desk.nameOf);
      this.screen.print(conversationLine(conversation, await this.#desk.nameOf(peer), body));
    }
  }

  async #showUnread(): Promise<void> {
    for (const { peer, unread, readPosition = 0 } of await this.client.conversations()) {
      if (unread === 0) continue;
      const lines = await this.client.messages(peer, Number.MAX_SAFE_INTEGER);
      for (const message of lines) {
        if (!message.own && (message.position ?? 0) > readPosition) this.#arrived(message);
      }
      await this.client.markRead(peer);
    }
  }

  #arrived(message: LocalMessage): void {
    if (this.#shown.has(message.id)) return;
    this.#shown.add(message.id);
    this.#print(message);
    if (!this.screen.terminal || message.peer === this.#desk.peer?.id) {
      this.client.markRead(message.peer).catch(() => undefined);
    }
  }

  /** An own message got a new mark, or a message on the screen was taken back. */
  #settled(message: LocalMessage): void {
    if (message.recalled) return this.#print(message);
    if (!message.own || message.state === 'sending') return;
    const mark = stateMark(message);
    if (this.#marks.get(message.id) === mark) return;
    if (message.state === 'failed') this.failed++;
    // What was received or read of lines on the screen is told for all of them at once.
    if (message.state === 'delivered' || message.state === 'read') this.#marks.set(message.id, mark);
    else this.#print(message);
  }

  /** The other one has received or read more: the newest own line that this is true of, and its mark. */
  async #received({ peer, reader }: messaging.Receipt): Promise<void> {
    if (reader === this.client.session?.userId) return;
    const lines = await this.client.messages(peer, SHOWN_ON_OPENING);
    const newest = lines.findLast(({ state }) => state === 'delivered' || state === 'read');
    if (newest === undefined || !this.#marks.has(newest.id)) return;
    const [mark, number] = [stateMark(newest), this.#desk.number(newest)];
    if (this.#told.get(peer) === `${number}${mark}`) return;
    this.#told.set(peer, `${number}${mark}`);
    this.#desk.print(`${number} ${mark}`);
  }

  #print(message: LocalMessage): void {
    if (message.own) this.#marks.set(message.id, stateMark(message));
    this.#printing = this.#printing.then(async () => this.screen.print(await this.#desk.line(message)));
  }

  #typed(text: string): void {
    const { peer } = this.#desk;
    if (peer === undefined || text.startsWith('/')) return;
    if (this.client.session !== undefined) this.client.typing(peer.id, text !== '');
  }

  async #typing(peer: string, userId: string, typing: boolean): Promise<void> {
    const name = await this.#desk.nameOf(userId);
    if (!this.screen.terminal) {
      if (typing) this.screen.print(`… ${name} is writing`);
      return;
    }
    if (peer !== this.#desk.peer?.id) return;
    if (typing) this.#writing.add(name);
    else this.#writing.delete(name);
    this.#prompt();
  }
}
