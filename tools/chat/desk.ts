import { messaging, type Client, type LocalMessage } from '@magpie/sdk';
import { bodyInWords, type NameOf } from './contents.js';
import { messageLine } from './lines.js';

/** What went wrong with a line, for the person who typed it. */
export type Complaint = string;

/** A set of commands. */
export interface Commands {
  /** Lines of the help. */
  readonly help: string;
  /** Whether it is one of these commands. */
  knows(word: string): boolean;
  /** Throws MagpieError for what the server refuses. */
  take(word: string, rest: readonly string[]): Promise<Complaint | void>;
}

export interface Peer {
  readonly id: string;
  readonly name: string;
}

/** What lies before the person at the keyboard: the conversation that is open, and the lines shown so far with their numbers. */
export class Desk {
  peer: Peer | undefined;
  readonly #names = new Map<string, string>();
  /** Ids of messages by the numbers that stand before their lines. */
  readonly #numbered: string[] = [];

  constructor(
    readonly client: Client,
    readonly print: (line: string) => void,
  ) {}

  /** The name of a user or a group. */
  readonly nameOf: NameOf = async (id) => {
    if (id === this.client.session?.userId) return 'you';
    if (id.startsWith('g')) {
      const group = (await this.client.groups.list()).find(({ groupId }) => groupId === id);
      return group?.name || id;
    }
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const profile = await this.client.profile(id);
    const name = profile?.nickname || profile?.userName;
    if (name !== undefined) this.#names.set(id, name);
    return name ?? id;
  };

  /** A user by user name; or a group that one is in, by name. */
  async find(name: string): Promise<Peer | undefined> {
    const [user] = await this.client.search(name);
    if (user !== undefined) return { id: user.userId, name: user.nickname || user.userName };
    const { JOINED } = messaging.Group_State;
    const group = (await this.client.groups.list()).find((each) => each.name === name && each.state === JOINED);
    return group && { id: group.groupId, name: group.name };
  }

  /** The line of a message, with a number by which it can be named from now on. */
  async line(message: LocalMessage): Promise<string> {
    const { nameOf } = this;
    const from = message.from === '' ? '' : await nameOf(message.from);
    return `${this.number(message)} ${messageLine(message, await nameOf(message.peer), from, await bodyInWords(message, nameOf))}`;
  }

  /** What stands before the line of a message. */
  number({ id }: LocalMessage): string {
    const known = this.#numbered.indexOf(id);
    const number = known === -1 ? this.#numbered.push(id) : known + 1;
    return String(number).padStart(3);
  }

  /** A message of the open conversation by the number of its line; -1 is the newest, -2 the one before … */
  async message(number: string): Promise<LocalMessage | undefined> {
    if (this.peer === undefined || !/^-?\d+$/.test(number)) return undefined;
    const lines = await this.client.messages(this.peer.id, Number.MAX_SAFE_INTEGER);
    const index = Number(number);
    return index < 0 ? lines.at(index) : lines.find(({ id }) => id === this.#numbered[index - 1]);
  }
}
