import { DeliveryChecker, type Verdict } from '../delivery-checker.js';
import { Acceptance } from './acceptance.js';
import type { Bug } from './bugs.js';
import { SimulatedDevice } from './device.js';
import { FanOut } from './fan-out.js';
import { Feed, type Row } from './feed.js';
import type { Inbox } from './inbox.js';
import { membersAt, numberOf, presentMembers, type Log } from './log.js';

const USERS = ['u0', 'u1', 'u2'];
const DEVICES = ['d0', 'd1'];
const ROOM = 'g.room';
const CONVERSATIONS = [ROOM, 'd.u0.u1'];
const INBOXES = 2;
const ATTEMPTS_AT_END = 3;

/** What happens next in a schedule; the numbers choose among what there is. */
export interface Step {
  readonly what: keyof typeof HAPPENINGS;
  readonly who: number;
  readonly where: number;
  readonly count: number;
}

/** Everything that may happen, and how often compared with the others. */
export const HAPPENINGS = {
  send: 8,
  flush: 8,
  takeAnswer: 6,
  loseAnswer: 4,
  retry: 6,
  giveUp: 1,
  crashAcceptance: 1,
  join: 1.5,
  leave: 1.5,
  fanOut: 10,
  saveFanOut: 3,
  crashFanOut: 2,
  feed: 10,
  store: 4,
  saveFeed: 3,
  crashFeed: 1,
  connect: 4,
  disconnect: 1,
  notice: 8,
  loseNotice: 1,
  askForPage: 4,
  takePage: 4,
  restart: 0.3,
  wipe: 0.3,
} as const;

/** The whole pipeline in miniature: pure, without clock or chance, driven step by step. */
export class Simulation {
  private readonly checker = new DeliveryChecker();
  private readonly excused = new Set<string>();
  private readonly inboxes: Inbox[] = Array.from({ length: INBOXES }, () => ({ generation: 1, records: [] }));
  private readonly feeds: readonly Feed[];
  private readonly devices: readonly SimulatedDevice[];
  private readonly rooms: readonly { log: Log; acceptance: Acceptance; fanOut: FanOut }[];
  private now = 0;

  constructor(private readonly bug?: Bug) {
    this.feeds = this.inboxes.map((inbox) => new Feed(inbox, (row) => this.announce(row), bug));
    this.devices = USERS.flatMap((user) =>
      DEVICES.map((name) => new SimulatedDevice(user, name, this.feeds[inboxOf(user)]!, this.checker, bug)),
    );
    this.rooms = CONVERSATIONS.map((conversation) => {
      const firstMembers = USERS.filter((user) => conversation === ROOM || conversation.includes(user));
      // Made so long ago that nothing of its start matters.
      const log = { conversation, generation: 1, records: [], firstMembers, madeAt: -Infinity };
      const fanOut = new FanOut(log, this.inboxes, inboxOf, bug);
      return { log, acceptance: new Acceptance(log, bug), fanOut };
    });
    this.checker.excuse(({ messageId }) => this.excused.has(messageId));
    for (const { log } of this.rooms)
      if (log.conversation !== ROOM) this.tellMembers(log.conversation, log.firstMembers);
  }

  step({ what, who, where, count }: Step): void {
    this.now++;
    const device = this.devices[who % this.devices.length]!;
    const room = this.rooms[where % this.rooms.length]!;
    const feed = this.feeds[who % this.feeds.length]!;
    const { conversation } = room.log;
    const happen: Record<Step['what'], () => void> = {
      send: () => device.send(conversation, 1 + (count % 3), room.acceptance, this.now),
      flush: () => room.acceptance.flush(who, 1 + count, this.now),
      takeAnswer: () => device.takeAnswer(conversation),
      loseAnswer: () => device.loseAnswer(conversation),
      retry: () => device.attempt(conversation, room.acceptance, this.now),
      giveUp: () => device.giveUp(conversation),
      crashAcceptance: () => room.acceptance.crash(),
      join: () => this.change('joined', device.user),
      leave: () => this.change('left', device.user),
      fanOut: () => room.fanOut.step(),
      saveFanOut: () => room.fanOut.save(),
      crashFanOut: () => room.fanOut.crash(),
      feed: () => feed.step(),
      store: () => feed.store(1 + count),
      saveFeed: () => feed.save(),
      crashFeed: () => this.crash(feed),
      connect: () => device.connect(),
      disconnect: () => device.disconnect(),
      notice: () => device.notice(),
      loseNotice: () => device.loseNotice(),
      askForPage: () => device.askForPage(),
      takePage: () => device.takePage(),
      restart: () => device.restart(),
      wipe: () => this.wipe(),
    };
    happen[what]();
  }

  /** Everything comes to rest: senders are answered or give up, and all that lies anywhere arrives. */
  finish(): Verdict {
    for (let attempt = 0; attempt < ATTEMPTS_AT_END; attempt++) this.resolveSends();
    for (const device of this.devices) for (const conversation of CONVERSATIONS) device.giveUp(conversation);
    for (const { fanOut } of this.rooms) while (!fanOut.isDone) fanOut.step();
    for (const feed of this.feeds) while (!feed.isDone) (feed.step(), feed.store(1));
    for (const device of this.devices) {
      device.takePage();
      device.askForPage();
      device.takePage();
      device.settle();
    }
    this.tellRoom();
    return this.checker.finish();
  }

  private resolveSends(): void {
    this.now++;
    for (const { log, acceptance } of this.rooms) {
      for (const device of this.devices) device.attempt(log.conversation, acceptance, this.now);
      for (const lane of [0, 1]) acceptance.flush(lane, Number.MAX_SAFE_INTEGER, this.now);
      for (const device of this.devices) {
        device.takeAnswer(log.conversation);
        device.loseAnswer(log.conversation);
      }
    }
  }

  private announce(row: Row): void {
    for (const device of this.devices) if (row.users.includes(device.user)) device.notify(row);
  }

  /** Only the room has members that come and go. */
  private change(kind: 'joined' | 'left', user: string): void {
    const { log } = this.rooms[0]!;
    if (presentMembers(log).has(user) === (kind === 'joined')) return;
    log.records.push({ kind, user, at: this.now });
  }

  /** Another owner takes over; links find it when it serves. */
  private crash(feed: Feed): void {
    feed.crash();
    for (const device of this.devices) if (this.feeds[inboxOf(device.user)] === feed) device.disconnect();
  }

  /** The broker loses everything. What no feed had yet is excused. */
  private wipe(): void {
    for (const { log, fanOut } of this.rooms) {
      log.records.forEach((record, offset) => {
        if (record.kind === 'message' && !fanOut.hasEmitted(offset)) this.excused.add(record.messageId);
      });
    }
    this.inboxes.forEach((inbox, index) => {
      for (const record of inbox.records) {
        if (!this.feeds[index]!.hasTaken(record)) this.excused.add(record.messageId);
      }
    });
    this.tellRoom();
    const rise = this.bug === 'generationNotRaised' ? 0 : 1;
    for (const { log, acceptance, fanOut } of this.rooms) {
      const remade = { firstMembers: [...presentMembers(log)], generation: log.generation + rise, madeAt: this.now };
      Object.assign(log, { ...remade, records: [] });
      acceptance.crash();
      fanOut.beginAnew();
    }
    this.inboxes.forEach((inbox, index) => {
      Object.assign(inbox, { generation: inbox.generation + rise, records: [] });
      this.feeds[index]!.beginAnew();
    });
  }

  /** Tells the checker who belonged to the room while its log was this one. */
  private tellRoom(): void {
    const { log } = this.rooms[0]!;
    for (const user of USERS) {
      for (let offset = 0; offset < log.records.length; offset++) {
        const at = numberOf(log.generation, offset);
        if (membersAt(log, offset).has(user)) this.checker.member(ROOM, { user, from: at, to: at + 1 });
      }
    }
  }

  private tellMembers(conversation: string, users: readonly string[]): void {
    for (const user of users) this.checker.member(conversation, { user });
  }
}

/** Runs a schedule to its end. */
export function simulate(schedule: readonly Step[], bug?: Bug): Verdict {
  const simulation = new Simulation(bug);
  for (const step of schedule) simulation.step(step);
  return simulation.finish();
}

function inboxOf(user: string): number {
  return USERS.indexOf(user) % INBOXES;
}
