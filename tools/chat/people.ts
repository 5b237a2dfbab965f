import { social, type Client } from '@magpie/sdk';
import { contactLine, requestLine } from './lines.js';

const { PENDING } = social.FriendRequestItem_RequestState;
const { FRIEND } = social.Contact_State;

export const PEOPLE_HELP = `/contacts         friends, and whom you block
/requests         friend requests
/add <user name> [greeting]       ask to be friends
/accept, /refuse <user name>      answer a request
/delete, /block, /unblock <user name>
/remark <user name> [what you call them]
/nickname <what others see>`;

/** What went wrong with a line, for the person who typed it. */
export type Complaint = string;

type Act = (user: social.Profile, rest: string) => Promise<Complaint | void>;

/** The commands about contacts and friend requests. */
export class PeopleCommands {
  readonly #acts: Readonly<Record<string, Act>>;
  /** Those that are about nobody else. */
  readonly #alone: Readonly<Record<string, (rest: string) => Promise<void>>>;

  constructor(
    private readonly client: Client,
    private readonly print: (line: string) => void,
    private readonly nameOf: (userId: string) => Promise<string>,
  ) {
    const { people } = client;
    this.#alone = {
      '/contacts': () => this.#contacts(),
      '/requests': () => this.#requests(),
      '/nickname': (nickname) => people.updateProfile({ nickname }),
    };
    this.#acts = {
      '/add': async ({ userId }, greeting) => void (await people.requestFriend(userId, greeting, 'name')),
      '/accept': ({ userId }) => this.#answer(userId, true),
      '/refuse': ({ userId }, reason) => this.#answer(userId, false, reason),
      '/delete': ({ userId }) => people.deleteFriend(userId),
      '/block': ({ userId }) => people.blockUser(userId),
      '/unblock': ({ userId }) => people.unblockUser(userId),
      '/remark': ({ userId }, remark) => people.editContact(userId, { remark }),
    };
  }

  /** Whether it is one of these commands. */
  knows(word: string): boolean {
    return word in this.#alone || word in this.#acts;
  }

  /** Throws MagpieError for what the server refuses. */
  async take(word: string, [name = '', ...rest]: readonly string[]): Promise<Complaint | void> {
    const act = this.#alone[word];
    if (act !== undefined) return act([name, ...rest].join(' '));
    if (name === '') return `${word} whom?`;
    const [user] = await this.client.search(name);
    if (user === undefined) return `nobody is called "${name}"`;
    return this.#acts[word]!(user, rest.join(' '));
  }

  /** Shows what changes from now on. */
  watch(): void {
    this.client.on('friendRequest', (request) => void this.#tell(request));
    this.client.on('contact', (contact) => void this.#told(contact));
  }

  async #contacts(): Promise<void> {
    const shown = (await this.client.people.contacts()).filter(({ state, blocked }) => state === FRIEND || blocked);
    if (shown.length === 0) this.print('no contacts yet; ask somebody with /add <user name>');
    for (const contact of shown) await this.#told(contact);
  }

  async #requests(): Promise<void> {
    const requests = await this.client.people.friendRequests();
    if (requests.length === 0) this.print('no friend requests');
    for (const request of requests) await this.#tell(request);
  }

  async #answer(userId: string, accept: boolean, reason = ''): Promise<Complaint | void> {
    const requests = await this.client.people.friendRequests();
    const waiting = requests.find(({ from, state }) => from === userId && state === PENDING);
    if (waiting === undefined) return `${await this.nameOf(userId)} has not asked`;
    return this.client.people.answerFriendRequest(waiting.requestId, accept, reason);
  }

  async #tell(request: social.FriendRequestItem): Promise<void> {
    const own = request.from === this.client.session?.userId;
    this.print(requestLine(request, own, await this.nameOf(own ? request.to : request.from)));
  }

  async #told(contact: social.Contact): Promise<void> {
    this.print(contactLine(contact, await this.nameOf(contact.userId)));
  }
}
