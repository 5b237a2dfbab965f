import { social } from '@magpie/sdk';
import type { Commands, Complaint, Desk } from './desk.js';
import { contactLine, requestLine } from './lines.js';

const { PENDING } = social.FriendRequestItem_RequestState;
const { FRIEND } = social.Contact_State;

type Act = (user: social.Profile, rest: string) => Promise<Complaint | void>;

/** The commands about contacts and friend requests. */
export class PeopleCommands implements Commands {
  readonly help = `/contacts         friends, and whom you block
/requests         friend requests
/add <user name> [greeting]       ask to be friends
/accept, /refuse <user name>      answer a request
/unfriend, /block, /unblock <user name>
/remark <user name> [what you call them]
/nickname <what others see>`;

  readonly #acts: Readonly<Record<string, Act>>;
  /** Those that are about nobody else. */
  readonly #alone: Readonly<Record<string, (rest: string) => Promise<void>>>;

  constructor(private readonly desk: Desk) {
    const { people } = desk.client;
    this.#alone = {
      '/contacts': () => this.#contacts(),
      '/requests': () => this.#requests(),
      '/nickname': (nickname) => people.updateProfile({ nickname }),
    };
    this.#acts = {
      '/add': async ({ userId }, greeting) => void (await people.requestFriend(userId, greeting, 'name')),
      '/accept': ({ userId }) => this.#answer(userId, true),
      '/refuse': ({ userId }, reason) => this.#answer(userId, false, reason),
      '/unfriend': ({ userId }) => people.deleteFriend(userId),
      '/block': ({ userId }) => people.blockUser(userId),
      '/unblock': ({ userId }) => people.unblockUser(userId),
      '/remark': ({ userId }, remark) => people.editContact(userId, { remark }),
    };
  }

  knows(word: string): boolean {
    return word in this.#alone || word in this.#acts;
  }

  async take(word: string, [name = '', ...rest]: readonly string[]): Promise<Complaint | void> {
    const act = this.#alone[word];
    if (act !== undefined) return act([name, ...rest].join(' '));
    if (name === '') return `${word} whom?`;
    const [user] = await this.desk.client.search(name);
    if (user === undefined) return `nobody is called "${name}"`;
    return this.#acts[word]!(user, rest.join(' '));
  }

  /** Shows what changes from now on. */
  watch(): void {
    this.desk.client.on('friendRequest', (request) => void this.#tell(request));
    this.desk.client.on('contact', (contact) => void this.#told(contact));
  }

  async #contacts(): Promise<void> {
    const shown = (await this.desk.client.people.contacts()).filter(
      ({ state, blocked }) => state === FRIEND || blocked,
    );
    if (shown.length === 0) this.desk.print('no contacts yet; ask somebody with /add <user name>');
    for (const contact of shown) await this.#told(contact);
  }

  async #requests(): Promise<void> {
    const requests = await this.desk.client.people.friendRequests();
    if (requests.length === 0) this.desk.print('no friend requests');
    for (const request of requests) await this.#tell(request);
  }

  async #answer(userId: string, accept: boolean, reason = ''): Promise<Complaint | void> {
    const requests = await this.desk.client.people.friendRequests();
    const waiting = requests.find(({ from, state }) => from === userId && state === PENDING);
    if (waiting === undefined) return `${await this.desk.nameOf(userId)} has not asked`;
    return this.desk.client.people.answerFriendRequest(waiting.requestId, accept, reason);
  }

  async #tell(request: social.FriendRequestItem): Promise<void> {
    const own = request.from === this.desk.client.session?.userId;
    this.desk.print(requestLine(request, own, await this.desk.nameOf(own ? request.to : request.from)));
  }

  async #told(contact: social.Contact): Promise<void> {
    this.desk.print(contactLine(contact, await this.desk.nameOf(contact.userId)));
  }
}
