import { messaging } from '@magpie/sdk';
import type { Commands, Complaint, Desk } from './desk.js';
import { groupLine, joinRequestLine, memberLine } from './lines.js';

const { PENDING } = messaging.JoinRequest_State;
const MINUTE_MS = 60_000;

type Act = (groupId: string, rest: string) => Promise<Complaint | void>;

/** The commands about groups; most are about the one that is open. */
export class GroupCommands implements Commands {
  readonly help = `/groups           groups that you are in
/new-group <name>: <user names>
/invite <user names>, /kick <user name>
/leave            the open group
/ticket           what others can /join the open group with
/join <ticket>
/group            the open group and its members
/group name, announce, nick <text>
/group approval, silence [off]    letting in by you; only you and admins may write
/group admin, no-admin, owner <user name>
/group mute <user name> [minutes] without minutes they may write again
/group requests, let-in <user name>, turn-away <user name>
/group dissolve`;

  readonly #acts: Readonly<Record<string, Act>>;
  /** Behind /group. */
  readonly #parts: Readonly<Record<string, Act>>;

  constructor(private readonly desk: Desk) {
    const { groups } = desk.client;
    this.#acts = {
      '/invite': (id, names) => this.#invite(id, names.split(' ')),
      '/kick': (id, name) => this.#about(name, (userId) => groups.remove(id, userId)),
      '/leave': (id) => groups.leave(id),
      '/ticket': async (id) => this.desk.print((await groups.ticket(id)).ticket),
    };
    this.#parts = {
      '': (id) => this.#show(id),
      name: async (id, name) => void (await groups.update(id, { name })),
      announce: async (id, announcement) => void (await groups.update(id, { announcement })),
      nick: (id, nickname) => groups.nickname(id, nickname),
      approval: async (id, off) => void (await groups.update(id, { approvalNeeded: off !== 'off' })),
      silence: async (id, off) => void (await groups.update(id, { mutedAll: off !== 'off' })),
      admin: (id, name) => this.#about(name, (userId) => groups.setAdmin(id, userId, true)),
      'no-admin': (id, name) => this.#about(name, (userId) => groups.setAdmin(id, userId, false)),
      owner: (id, name) => this.#about(name, (userId) => groups.transfer(id, userId)),
      mute: (id, rest) => this.#mute(id, rest),
      requests: (id) => this.#requests(id),
      'let-in': (id, name) => this.#answer(id, name, true),
      'turn-away': (id, name) => this.#answer(id, name, false),
      dissolve: (id) => groups.dissolve(id),
    };
  }

  knows(word: string): boolean {
    return word in this.#acts || ['/groups', '/new-group', '/join', '/group'].includes(word);
  }

  async take(word: string, rest: readonly string[]): Promise<Complaint | void> {
    if (word === '/groups') return this.#list();
    if (word === '/new-group') return this.#create(rest.join(' '));
    if (word === '/join') return this.#join(rest.join(''));
    const { peer } = this.desk;
    if (peer === undefined || !peer.id.startsWith('g')) return 'which group? choose with /to <group>';
    if (word !== '/group') return this.#acts[word]!(peer.id, rest.join(' '));
    const [part = '', ...more] = rest;
    const act = Object.hasOwn(this.#parts, part) ? this.#parts[part] : undefined;
    return act === undefined ? `there is no /group ${part}; /help shows what there is` : act(peer.id, more.join(' '));
  }

  /** Shows what changes from now on. */
  watch(): void {
    const { client } = this.desk;
    client.on('joinRequest', (request) => void this.#tell(request));
    client.on('group', ({ groupId, name, state }) => {
      const isOver = state === messaging.Group_State.LEFT || state === messaging.Group_State.DISSOLVED;
      if (isOver) this.desk.print(`you are no member of ${name} any more`);
      else if (this.desk.peer?.id === groupId) this.desk.peer = { id: groupId, name };
    });
  }

  async #list(): Promise<void> {
    const groups = await this.desk.client.groups.list();
    if (groups.length === 0) this.desk.print('no groups yet; make one with /new-group <name>: <user names>');
    for (const group of groups) this.desk.print(groupLine(group));
  }

  async #create(line: string): Promise<Complaint | void> {
    const [, name = '', names = ''] = /^(.+?)\s*:\s*(.+)$/.exec(line) ?? [];
    if (name === '') return '/new-group <name>: <user names>';
    const users = await this.#users(names.split(/[\s,]+/));
    if (typeof users === 'string') return users;
    const group = await this.desk.client.groups.create(name, users);
    this.desk.peer = { id: group.groupId, name: group.name };
  }

  async #join(ticket: string): Promise<Complaint | void> {
    if (ticket === '') return '/join with which ticket?';
    const { groupId, joined } = await this.desk.client.groups.join(ticket);
    if (!joined) return this.desk.print('you have asked to join; somebody must let you in');
    this.desk.peer = { id: groupId, name: await this.desk.nameOf(groupId) };
  }

  async #invite(groupId: string, names: readonly string[]): Promise<Complaint | void> {
    const users = await this.#users(names);
    if (typeof users === 'string') return users;
    const results = await this.desk.client.groups.add(groupId, users);
    const refused = results.filter(({ code }) => code !== 'OK');
    if (refused.length === 0) return;
    const told = await Promise.all(
      refused.map(async ({ userId, code }) => `${await this.desk.nameOf(userId)}: ${code}`),
    );
    return told.join(', ');
  }

  async #mute(groupId: string, rest: string): Promise<Complaint | void> {
    const [name = '', minutes = '0'] = rest.split(' ');
    const durationMs = Number(minutes) * MINUTE_MS;
    if (!(durationMs >= 0)) return '/group mute <user name> [minutes]';
    return this.#about(name, (userId) => this.desk.client.groups.mute(groupId, userId, durationMs));
  }

  async #show(groupId: string): Promise<void> {
    const group = await this.desk.client.groups.get(groupId);
    if (group === undefined) return;
    const { approvalNeeded, mutedAll, announcement } = group;
    this.desk.print(groupLine(group));
    if (announcement !== '') this.desk.print(`    ${announcement}`);
    if (approvalNeeded) this.desk.print('    whom plain members bring in must be let in');
    if (mutedAll) this.desk.print('    only the owner and admins may write');
    const now = Date.now();
    for (const member of group.members) {
      this.desk.print(memberLine(member, await this.desk.nameOf(member.userId), now));
    }
  }

  async #requests(groupId: string): Promise<void> {
    const requests = (await this.desk.client.groups.joinRequests()).filter((each) => each.groupId === groupId);
    if (requests.length === 0) this.desk.print('nobody wants to join');
    for (const request of requests) await this.#tell(request);
  }

  async #answer(groupId: string, name: string, accept: boolean): Promise<Complaint | void> {
    const requests = await this.desk.client.groups.joinRequests();
    return this.#about(name, async (userId) => {
      const waiting = requests.find(
        (each) => each.groupId === groupId && each.userId === userId && each.state === PENDING,
      );
      if (waiting === undefined) return `${name} has not asked`;
      return this.desk.client.groups.answer(groupId, waiting.requestId, accept);
    });
  }

  async #tell(request: messaging.JoinRequest): Promise<void> {
    const { nameOf, print } = this.desk;
    const by = request.invitedBy === '' ? '' : await nameOf(request.invitedBy);
    print(joinRequestLine(request, await nameOf(request.groupId), await nameOf(request.userId), by));
  }

  async #about(name: string, act: (userId: string) => Promise<Complaint | void>): Promise<Complaint | void> {
    const users = await this.#users([name]);
    return typeof users === 'string' ? users : act(users[0]!);
  }

  /** Their ids, or what is wrong with the names. */
  async #users(names: readonly string[]): Promise<string[] | Complaint> {
    const ids: string[] = [];
    for (const name of names.filter((each) => each !== '')) {
      const [user] = await this.desk.client.search(name);
      if (user === undefined) return `nobody is called "${name}"`;
      ids.push(user.userId);
    }
    return ids.length === 0 ? 'whom?' : ids;
  }
}
