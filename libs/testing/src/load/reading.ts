import { messaging } from '@magpie/contracts';
import { conversationOf } from '@magpie/domain';
import { MARK_READ } from '../device/commands.js';
import type { Choose } from './choices.js';
import { Errands } from './errands.js';
import type { LoadUser, Trial } from './trial.js';
import { becomes } from './wait.js';

/** Between one mark and the next, of somebody. */
const EVERY_MS = 100;
const TOLD_WITHIN_MS = 15_000;

/** Two who write to each other. */
export interface Couple {
  readonly reader: LoadUser;
  readonly partner: LoadUser;
}

/** A mark under way, or the last one that was answered. */
interface Mark extends Couple {
  position: number;
  isUnderWay: boolean;
}

/** Readers who say now and then how far they are: in the end every device of both sides knows the same. */
export class Reading {
  private errands = new Errands();
  private marks = new Map<string, Mark>();
  private underWay: Promise<void>[] = [];
  private timer: NodeJS.Timeout | undefined;
  private trial: Trial | undefined;
  private losesLog = false;

  constructor(
    private readonly couples: readonly Couple[],
    private readonly choose: Choose,
  ) {}

  /** `losesLog`: a mark may come to lie before a message that was shown and is gone. */
  begin(trial: Trial, losesLog: boolean): void {
    this.errands = new Errands();
    this.marks = new Map();
    this.underWay = [];
    this.trial = trial;
    this.losesLog = losesLog;
    this.timer = setInterval(() => this.underWay.push(this.mark(trial, this.errands)), EVERY_MS);
  }

  end(): void {
    clearInterval(this.timer);
  }

  /** Waits for the marks under way, and until every device knows; answers what went wrong. */
  async settle(withinMs: number): Promise<readonly string[]> {
    await this.errands.settle(Promise.all(this.underWay), withinMs);
    const { wrong, unresolved } = this.errands;
    const marks = [...this.marks.values()].filter(({ position }) => position > 0);
    const untold = (): number => marks.filter((mark) => !this.isTold(mark)).length;
    await becomes(() => untold() === 0, TOLD_WITHIN_MS);
    const isBeyond = (mark: Mark): boolean =>
      Math.max(...positionsOf(mark)) > this.trial!.lastShown(conversationIn(mark));
    const beyond = marks.filter(isBeyond).length;
    return [
      ...wrong,
      ...(unresolved > 0 ? [`${unresolved} marks of readers without an answer`] : []),
      ...(untold() > 0 ? [`${untold()} of ${marks.length} readers are elsewhere on some device than they said`] : []),
      ...(beyond > 0 ? [`${beyond} readers are beyond the last message`] : []),
    ];
  }

  private async mark(trial: Trial, errands: Errands): Promise<void> {
    const couple = this.couples[this.choose(this.couples.length)]!;
    const { reader, partner } = couple;
    const position = trial.lastShown(conversationIn(couple), reader.userId);
    const key = `${conversationIn(couple)} ${reader.userId}`;
    const mark = this.marks.get(key) ?? { ...couple, position: 0, isUnderWay: false };
    if (position <= mark.position || mark.isUnderWay) return;
    this.marks.set(key, mark);
    mark.isUnderWay = true;
    const request = messaging.MarkReadRequest.encode({ peer: partner.userId, position }).finish();
    const answer = await errands.run('MarkRead', () => reader.devices[0]!.call(MARK_READ, request));
    mark.isUnderWay = false;
    if (answer !== undefined) mark.position = position;
  }

  private isTold(mark: Mark): boolean {
    const [first, ...others] = positionsOf(mark);
    return others.every((position) => position === first) && (this.losesLog || first! >= mark.position);
  }
}

const conversationIn = ({ reader, partner }: Couple): string => conversationOf(reader.userId, partner.userId);

/** How far the reader is, as each device of both knows it. */
function positionsOf({ reader, partner }: Couple): number[] {
  return [
    ...reader.devices.map(({ states }) => states.readPosition(partner.userId, reader.userId)),
    ...partner.devices.map(({ states }) => states.readPosition(reader.userId, reader.userId)),
  ];
}
