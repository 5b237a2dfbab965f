import { setTimeout as pause } from 'node:timers/promises';
import { messaging, type EventType } from '@magpie/contracts';
import type { Consumer, EventLog, Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import { collectionOf, GroupInsert, type Collection, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Language } from '../domain/search-text.js';
import { archived, MESSAGE_TOPIC, type ArchivedMessage } from './archive.projection.js';
import { SearchBuild } from './search-build.js';
import {
  conversationNumber,
  DIALOGUE_COLLECTION,
  dialoguesOf,
  entriesOf,
  SEARCH_COLLECTION,
  type Dialogue,
  type SearchEntry,
} from './search-index.js';

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
const ENTRIES_PER_WRITE = 250;
/** Conversations whose two sides are known to be noted; all are forgotten when there are more. */
const DIALOGUES_KNOWN_MAX = 100_000;

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
  private readonly entries: Collection<SearchEntry>;
  private readonly build: SearchBuild;
  private readonly inserts: GroupInsert<SearchEntry>;
  private readonly dialogues: GroupInsert<Dialogue>;
  private readonly known = new Set<string>();
  private joining: Promise<Consumer> | undefined;

  constructor(private readonly options: SearchIndexOptions) {
    const { connection } = options;
    this.entries = collectionOf(connection, SEARCH_COLLECTION);
    const grouped = <T extends object>(name: string): GroupInsert<T> =>
      new GroupInsert<T>({ collection: collectionOf(connection, name), name, batchMax: ENTRIES_PER_WRITE });
    this.inserts = grouped(SEARCH_COLLECTION);
    this.dialogues = grouped(DIALOGUE_COLLECTION);
    this.build = new SearchBuild({ ...options, add: (messages) => this.addWithSides(messages) });
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

  async stop(): Promise<void> {
    await this.handOver();
    await Promise.all([this.inserts.close(), this.dialogues.close()]);
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
      const stored = this.add(slice.flatMap(archived));
      const tookMs = performance.now() - begunAt;
      await stored;
      if (Date.now() - slice[0]!.appendedAtMs < LATE_MS) await pause(tookMs * REST_TIMES);
    }
    for (const record of records) await this.takeOut(record);
  }

  /** Resolves when they can be found. */
  private async add(messages: readonly ArchivedMessage[]): Promise<void> {
    const fresh = conversationsOf(messages).filter((each) => !this.known.has(each));
    await this.insert(messages, fresh);
    if (this.known.size > DIALOGUES_KNOWN_MAX) this.known.clear();
    for (const conversation of fresh) this.known.add(conversation);
  }

  /** The same, also where the two of a conversation are known to have been noted: that may be gone. */
  private addWithSides(messages: readonly ArchivedMessage[]): Promise<void> {
    return this.insert(messages, conversationsOf(messages));
  }

  /** A duplicate key is the same entry again. */
  private async insert(messages: readonly ArchivedMessage[], conversations: readonly string[]): Promise<void> {
    const entries = messages.flatMap((message) => entriesOf(message, this.options.language));
    const dialogues = conversations.flatMap(dialoguesOf);
    await Promise.all([
      entries.length === 0 ? undefined : this.inserts.insert(entries),
      dialogues.length === 0 ? undefined : this.dialogues.insert(dialogues),
    ]);
  }

  /** The archive has forgotten its words already, so this is but for the space. */
  private async takeOut({ key, events }: LogRecord): Promise<void> {
    for (const { type, body } of events) {
      if (type !== MESSAGE_RECALLED) continue;
      const place = { c: conversationNumber(key), p: messaging.MessageRecalled.decode(body).position };
      const stretches = { $gte: place, $lte: { ...place, n: Infinity } };
      await this.entries.deleteMany({ _id: stretches });
    }
  }
}

function conversationsOf(messages: readonly ArchivedMessage[]): string[] {
  return [...new Set(messages.map(({ _id }) => _id.conversation))];
}
