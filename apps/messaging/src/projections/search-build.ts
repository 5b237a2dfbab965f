import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '@magpie/event-log';
import { startRounds, type Held, type Rounds } from '@magpie/event-store';
import { collectionOf, ensureIndexes, isDuplicateKey, type Collection, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import { ARCHIVE_COLLECTION, ARCHIVE_CONSUMER, MESSAGE_TOPIC, type ArchivedMessage } from './archive.projection.js';
import { DIALOGUE_COLLECTION, SEARCH_COLLECTION, SEARCH_INDEX, SEARCH_VERSION } from './search-index.js';

const STATE_COLLECTION = 'state_search';
const STATE_ID = 'index';
const LOOK_MS = 1_000;
/** Messages of the archive that are read at one go, and what lies between: others use process and database too. */
const PAGE = 512;
const REST_MS = 10;
const LAG_LOOK_MS = 100;
/** Below every archived message. */
const FIRST = { conversation: '', position: 0 };
/** Error code of the database: another instance has made it. */
const NAMESPACE_EXISTS = 48;

/** `state_search`: what the index is made of, and what is still to be read from the archive. */
interface SearchState {
  _id: string;
  /** UUIDs of the collections that are filled; others in their place lack what was said before. */
  stands: string;
  /** Of texts' terms. */
  version: number;
  /** Rises when the archive has to be read, and has risen so far when that was done last. */
  wanted: number;
  built: number;
  /** Whether everything in the archive can be found. */
  whole: boolean;
  /** How far the archive has been read. */
  after?: ArchivedMessage['_id'];
}

export interface SearchBuildOptions {
  readonly log: EventLog;
  readonly connection: Connection;
  readonly holder: string;
  readonly logger: Logger;
  /** Resolves when the messages can be found. */
  add(messages: readonly ArchivedMessage[]): Promise<void>;
}

/**
 * Fills the index from the archive, in one instance at a time: when its collections are new or were dropped, when a text
 * gets other terms than before, and when the log may have lost what was not indexed yet. The live projection goes on
 * meanwhile. An instance that dies at it is followed by another one, which goes on where it was.
 */
export class SearchBuild {
  private readonly states: Collection<SearchState>;
  private readonly messages: Collection<ArchivedMessage>;
  private rounds: Rounds | undefined;
  /** The reading that the archive was ready for. */
  private ready = '';

  constructor(private readonly options: SearchBuildOptions) {
    this.states = searchStates(options.connection);
    this.messages = collectionOf(options.connection, ARCHIVE_COLLECTION);
  }

  /** Makes what is to be filled. */
  async prepare(): Promise<void> {
    await this.current();
  }

  begin(): void {
    const { connection, holder, logger } = this.options;
    this.rounds = startRounds({
      ...{ connection, logger, pollMs: LOOK_MS, lease: { name: 'search.build', holder } },
      round: (held) => this.round(held),
      failed: (error, retryMs) => logger.warn({ err: error, retryMs }, 'search index: tried again'),
    });
  }

  async stop(): Promise<void> {
    await this.rounds?.stop();
  }

  async need(reason: string): Promise<void> {
    this.options.logger.warn({ reason }, 'the search index may lack something: the archive is read again');
    await this.states.updateOne({ _id: STATE_ID }, { $inc: { wanted: 1 } });
    this.rounds?.ring();
  }

  /** Reads one page of the archive, if there is reason to. */
  private async round(held: () => Held | undefined): Promise<boolean> {
    const { stands, wanted, built, after } = await this.current();
    if (wanted <= built) return false;
    const reading = `${stands} ${wanted}`;
    if (this.ready !== reading) await this.archiveHoldsWhatWas(held);
    if (held() === undefined) return false;
    this.ready = reading;
    const page = await this.messages
      .find({ _id: { $gt: after ?? FIRST } }, { sort: { _id: 1 }, limit: PAGE, promoteBuffers: true })
      .toArray();
    const same = { _id: STATE_ID, stands, wanted };
    if (page.length === 0) {
      await this.states.updateOne(same, { $set: { built: wanted, whole: true }, $unset: { after: 1 } });
      this.options.logger.info({}, 'search index: the archive is read');
      return false;
    }
    await this.options.add(page);
    await this.states.updateOne(same, { $set: { after: page.at(-1)!._id } });
    await delay(REST_MS);
    return true;
  }

  /** Makes what is missing of the collections, and notes whether they are still those that were filled. */
  private async current(): Promise<SearchState> {
    const { connection } = this.options;
    const known = await this.states.findOne({ _id: STATE_ID });
    // A newer release is at work beside this one.
    if (known !== null && known.version > SEARCH_VERSION) return { ...known, wanted: known.built };
    if (known !== null && known.version < SEARCH_VERSION) await connection.db!.dropCollection(SEARCH_COLLECTION);
    const stands = `${await make(connection, SEARCH_COLLECTION)} ${await make(connection, DIALOGUE_COLLECTION)}`;
    if (known?.stands === stands && known.version === SEARCH_VERSION) return known;
    await ensureIndexes(collectionOf(connection, SEARCH_COLLECTION), [SEARCH_INDEX]);
    const wanted = { $add: [{ $ifNull: ['$wanted', 0] }, 1] };
    const fields = { stands, version: SEARCH_VERSION, whole: false, built: { $ifNull: ['$built', 0] }, wanted };
    const unchanged = { _id: STATE_ID, stands: known?.stands ?? stands };
    await this.states
      .updateOne(unchanged, [{ $set: fields }, { $unset: 'after' }], { upsert: known === null })
      .catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
      });
    return (await this.states.findOne({ _id: STATE_ID }))!;
  }

  /**
   * What was indexed into collections that are gone may be on its way to the archive still: it is read only when it holds
   * all that the log held when this was called.
   */
  private async archiveHoldsWhatWas(held: () => Held | undefined): Promise<void> {
    const { log } = this.options;
    const since = performance.now();
    for (const partition of (await log.offsetsSince(MESSAGE_TOPIC, Date.now())).keys()) {
      for (;;) {
        const askedAt = performance.now();
        const lagMs = await log.lagOf(ARCHIVE_CONSUMER, MESSAGE_TOPIC, partition);
        if (lagMs <= askedAt - since || held() === undefined) break;
        await delay(LAG_LOOK_MS);
      }
    }
  }
}

/** Whether everything that the archive held when the index was begun can be found. */
export async function isWhole(connection: Connection): Promise<boolean> {
  return (await searchStates(connection).findOne({ _id: STATE_ID }))?.whole === true;
}

function searchStates(connection: Connection): Collection<SearchState> {
  return collectionOf<SearchState>(connection, STATE_COLLECTION);
}

/** Makes the collection if it is missing; its UUID. */
async function make(connection: Connection, name: string): Promise<string> {
  await connection.db!.createCollection(name).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== NAMESPACE_EXISTS) throw error;
  });
  const [found] = await connection.db!.listCollections({ name }).toArray();
  return String((found as { info?: { uuid?: unknown } } | undefined)?.info?.uuid);
}
