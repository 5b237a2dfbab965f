import { randomBytes } from 'node:crypto';
import type { sync } from '@magpie/contracts';
import type { Membership } from '../checker/index.js';
import { Witness, type Addresses } from '../device/index.js';
import { choicesOf, type Choose } from './choices.js';
import { Friendships } from './friendships.js';
import { Groups } from './groups.js';
import { Lane, peerOf } from './lane.js';
import { readAgain, type Gaps } from './read-again.js';
import { Reading, type Couple } from './reading.js';
import { Trial, type LoadUser, type TrialResult } from './trial.js';
import { becomes } from './wait.js';

/** Every so many users have a second device, and every so many devices are on a WebSocket. */
const SECOND_DEVICE_EVERY = 3;
const WEBSOCKET_EVERY = 3;
/** Conversations that one user writes into. */
const PARTNERS = 5;
/** Every so many writings are a burst, which leaves as one request of several messages. */
const BURST_EVERY = 12;
const BURST_MESSAGES = 4;
/** Every other message of a burst was written so long ago that a copy of it is looked for first. */
const WRITTEN_AGO_MS = 70_000;
/** Every so many writings are into a group, one message each. */
const GROUP_EVERY = 5;
/** All messages, for each of a pair. */
const GROUPS_TOO = GROUP_EVERY / (GROUP_EVERY - 1);
const SIGN_IN_AT_A_TIME = 4;
const TICK_MS = 10;
/** Nothing new has come for this long: nothing more will by itself. Longer than a lost log takes to be followed again. */
const IDLE_MS = 15_000;
const ONLINE_WITHIN_MS = 30_000;
const PULL_WITHIN_MS = 20_000;

export interface LoadOptions {
  readonly users: number;
  /** Messages per second in pairs, whatever becomes of those before; what goes to groups comes on top. */
  readonly rate: number;
  readonly seed: number;
}

/** When who belonged to which group, by conversation, as the log says at this moment. */
export type GroupTimes = () => Promise<ReadonlyMap<string, readonly Membership[]>>;

/** What a stretch of load came to, and how it came to its end. */
export interface LoadResult extends TrialResult, Gaps {
  /** Showings that only happened because the devices asked in the end. */
  readonly foundByPull: number;
  /** Devices that had no link in the end. */
  readonly offline: number;
  /** Devices that had not had everything from the server when the judgement began: nothing counts as lost on these. */
  readonly behind: number;
  /** What went wrong besides messages. */
  readonly wrong: readonly string[];
}

/**
 * Users of a running system who write to each other in pairs and in groups at a steady rate, over TCP and WebSocket, and whose devices
 * hide nothing. Devices act on notices alone: what those do not tell of stays unseen until `settle` asks.
 */
export class Load {
  private readonly choose: Choose;
  private readonly lanes: Lane[] = [];
  private readonly reading: Reading;
  private readonly earlier = new Set<string>();
  /** What the first device of each user held when the trial began. */
  private keys: ReadonlyMap<string, sync.SyncKey | undefined> = new Map();
  private readonly online: Promise<void>[];
  private readonly runId = randomBytes(4).toString('hex');
  private offering: NodeJS.Timeout | undefined;
  private offeredUntil = 0;
  private written = 0;

  private constructor(
    private readonly options: LoadOptions,
    readonly users: readonly LoadUser[],
    private readonly groups: Groups,
    private readonly friendships: Friendships,
    private readonly groupTimes: GroupTimes,
    private trial: Trial,
  ) {
    this.choose = choicesOf(options.seed);
    const couples: Couple[] = [];
    for (const from of users) {
      const partners = Array.from({ length: PARTNERS }, () => users[this.choose(users.length)]!);
      for (const to of new Set(partners)) {
        for (const device of from.devices) this.lanes.push(new Lane(from, device, peerOf(to)));
        couples.push({ reader: to, partner: from });
      }
    }
    this.reading = new Reading(couples, choicesOf(options.seed));
    this.online = this.allDevices.map((device) => device.stayOnline());
  }

  /**
   * Registers the users (named by the seed), makes their groups and brings their devices online. `doors`: the gateways.
   * `groupTimes` is asked at the end of every trial; it has to know what it was told before the log was lost.
   */
  static async signIn(doors: readonly Addresses[], options: LoadOptions, groupTimes: GroupTimes): Promise<Load> {
    const nobody = new Trial([], new Set());
    const users: LoadUser[] = [];
    const next = Array.from({ length: options.users }, (_, index) => index);
    const work = async (): Promise<void> => {
      for (let index = next.shift(); index !== undefined; index = next.shift()) {
        const name = `load-${options.seed}-${index}`;
        const at = doors[index % doors.length]!;
        const link = index % WEBSOCKET_EVERY === 0 ? ('ws' as const) : ('tcp' as const);
        const devices = [await Witness.register(at, nobody, name, { link, pullsAfterHeartbeat: false })];
        if (index % SECOND_DEVICE_EVERY === 0) {
          devices.push(await Witness.login(at, nobody, name, 2, { link: 'tcp', pullsAfterHeartbeat: false }));
        }
        users.push({ userId: devices[0]!.userId, devices });
      }
    };
    await Promise.all(Array.from({ length: SIGN_IN_AT_A_TIME }, work));
    const friendships = await Friendships.signIn(doors[0]!, nobody, `friend-${options.seed}`);
    const load = new Load(options, users, await Groups.make(users, nobody), friendships, groupTimes, nobody);
    await groupTimes();
    return load;
  }

  /** Of those who write. */
  get devices(): readonly Witness[] {
    return this.users.flatMap(({ devices }) => devices);
  }

  private get allDevices(): readonly Witness[] {
    return [...this.devices, ...this.friendships.devices];
  }

  /** The system was started anew, maybe with more gateways or fewer. */
  moveTo(doors: readonly Addresses[]): void {
    this.allDevices.forEach((device, index) => device.moveTo(doors[index % doors.length]!));
  }

  /** Resolves with the number of devices that have no link, or have not begun yet: 0, or more after a while. */
  async allOnline(): Promise<number> {
    const offline = (): number =>
      this.allDevices.filter((device) => !device.isOnline || device.syncKey === undefined).length;
    await becomes(() => offline() === 0, ONLINE_WITHIN_MS);
    return offline();
  }

  /**
   * Begins to offer messages, which are judged by themselves. `losesLog`: the log will be lost, so nobody comes into groups
   * or goes meanwhile.
   */
  begin(losesLog = false): Trial {
    for (const id of this.trial.messageIds) this.earlier.add(id);
    const trial = new Trial(this.users, this.earlier);
    this.trial = trial;
    this.keys = new Map(this.users.map(({ userId, devices }) => [userId, devices[0]!.syncKey]));
    const startedAt = performance.now();
    for (const { states } of this.devices) states.watch();
    this.groups.begin(trial, losesLog);
    this.reading.begin(trial, losesLog);
    this.friendships.begin();
    let due = 0;
    this.offering = setInterval(() => {
      const target = ((performance.now() - startedAt) * this.options.rate * GROUPS_TOO) / 1000;
      while (due < target) due += this.write(trial);
    }, TICK_MS);
    return trial;
  }

  /** Offers nothing more. */
  end(): void {
    clearInterval(this.offering);
    for (const each of [this.groups, this.reading, this.friendships]) each.end();
    this.offeredUntil = performance.now();
  }

  /** Waits until everything is answered and shown, asks for the rest, and judges. `resolveWithinMs` bounds the first. */
  async settle(resolveWithinMs: number): Promise<LoadResult> {
    const { trial } = this;
    const offline = await this.allOnline();
    const leftMs = this.offeredUntil + resolveWithinMs - performance.now();
    const others = Promise.all([this.groups, this.friendships, this.reading].map((each) => each.settle(leftMs)));
    await becomes(() => trial.open === 0, leftMs);
    await this.quiet(trial);
    const wrong = (await others).flat();
    const wentBack = this.devices.reduce((sum, { states }) => sum + states.wentBack, 0);
    if (wentBack > 0) wrong.push(`${wentBack} states of groups went back on a device`);
    const before = trial.showings;
    const caughtUp = await Promise.all(this.devices.map((device) => pulled(device)));
    const behind = new Set(this.devices.filter((_, index) => !caughtUp[index]));
    const foundByPull = trial.showings - before;
    const gaps = await readAgain(trial.owed, this.users, this.keys);
    for (const [conversation, times] of await this.groupTimes()) trial.belonged(conversation, times);
    return { ...trial.finish(behind), ...gaps, foundByPull, offline, behind: behind.size, wrong };
  }

  async stop(): Promise<void> {
    this.end();
    this.groups.stop();
    for (const lane of this.lanes) lane.stop();
    for (const device of this.allDevices) device.stop();
    await Promise.all(this.online);
  }

  /** One writing: usually one message, now and then several at once. Answers how many. */
  private write(trial: Trial): number {
    const isForGroup = this.choose(GROUP_EVERY) === 0;
    const lane = isForGroup ? this.groups.lane(this.choose) : this.lanes[this.choose(this.lanes.length)]!;
    const count = !isForGroup && this.choose(BURST_EVERY) === 0 ? BURST_MESSAGES : 1;
    for (let n = 0; n < count; n++) {
      const id = `${this.runId}-${++this.written}`;
      lane.write(trial, id, `message ${id}`, count > 1 && n % 2 === 0 ? WRITTEN_AGO_MS : 0);
    }
    return count;
  }

  /** Until all that was acknowledged is shown, or nothing more comes. */
  private async quiet(trial: Trial): Promise<void> {
    for (let before = -1; trial.missing > 0 && before !== trial.showings;) {
      before = trial.showings;
      await becomes(() => trial.missing === 0, IDLE_MS);
    }
  }
}

/** Whether the device came to the end of its feed. */
function pulled(device: Witness): Promise<boolean> {
  return becomes(() => device.pull().catch(() => false), PULL_WITHIN_MS);
}
