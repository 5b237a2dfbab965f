import { setTimeout as pause } from 'node:timers/promises';
import { messaging, type EventType } from '@magpie/contracts';
import type { Consumer, EventLog, Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import type { Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Language } from '../domain/search-text.js';
import { archived, MESSAGE_TOPIC } from './archive.projection.js';
import { SearchBuild } from './search-build.js';
import { SearchBlocks } from './search-blocks.js';

const MESSAGE_RECALLED: EventType = 'magpie.messaging.v1.MessageRecalled';
const CONSUMER = 'messaging.search';
/** Nobody searches for what was said a moment ago: what comes within this time is indexed together. */
const GATHER_MS = 500;
const GATHER_BYTES = 65_536;
/** Messages that are taken apart at one go: a few ms, for which all else in the process waits. */
const SLICE = 50;
/** After each slice others have the process for so many times what it took, unless the index is late. */
const REST_TIMES = 3;
const LATE_MS = 10_000;

export interface SearchIndexOptions {
  readonly log: EventLog;
  readonly connection: Connection;
  readonly language: Language;
  /** Names this start of this instance. */
  readonly holder: string;
  readonly logger: Logger;
}

/** Keeps `view_search` and `view_dialogue` in step with the log of messages, a little behind it. */
export class SearchIndex {
  private readonly blocks: SearchBlocks;
  private readonly build: SearchBuild;
  private joining: Promise<Consumer> | undefined;

  constructor(private readonly options: SearchIndexOptions) {
    const blocks = new SearchBlocks(options.connection, options.language);
    this.blocks = blocks;
    this.build = new SearchBuild({ ...options, add: (messages) => blocks.read(messages) });
  }

  start(): Promise<void> {
    return this.build.prepare();
  }

  async join(): Promise<void> {
    this.build.begin();
    this.joining = this.options.log.consume({
      name: CONSUMER,
      topics: [MESSAGE_TOPIC],
      onPoison: 'dead-letter',
      minBytes: GATHER_BYTES,
      maxWaitMs: GATHER_MS,
      gain: (at) => this.gain(at),
    });
    await this.joining;
  }

  async handOver(): Promise<void> {
    const consumer = await this.joining?.catch(() => undefined);
    await Promise.all([consumer?.stop(), this.build.stop()]);
  }

  stop(): Promise<void> {
    return this.handOver();
  }

  private async gain({ lost, hole, expired, checkpoint }: Gained): Promise<PartitionWork> {
    // What this reader has never seen, the archive may have: it had read further.
    if (lost || hole || (expired && !checkpoint)) await this.build.need('the log lacks what was not indexed yet');
    return { process: (records) => this.process(records), state: () => ({}), lost: () => undefined };
  }

  private async process(records: LogRecord[]): Promise<void> {
    for (let from = 0; from < records.length; from += SLICE) {
      const slice = records.slice(from, from + SLICE);
      const begunAt = performance.now();
      const stored = this.blocks.append(slice.flatMap(archived));
      const tookMs = performance.now() - begunAt;
      await stored;
      if (Date.now() - slice[0]!.appendedAtMs < LATE_MS) await pause(tookMs * REST_TIMES);
    }
    for (const record of records) await this.takeOut(record);
  }

  /** What is recalled is not found anyway: the archive has lost its words. */
  private async takeOut({ key, events }: LogRecord): Promise<void> {
    for (const { type, body } of events) {
      if (type === MESSAGE_RECALLED) await this.blocks.takeOut(key, messaging.MessageRecalled.decode(body).position);
    }
  }
}
