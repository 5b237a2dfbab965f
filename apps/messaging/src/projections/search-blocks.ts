import { collectionOf, isDuplicateKey, isTransient, type Collection, type Connection } from '@magpie/mongo';
import type { Language } from '../domain/search-text.js';
import type { ArchivedMessage } from './archive.projection.js';
import {
  BLOCK_LENGTH,
  BLOCK_MESSAGES,
  BLOCK_SPAN_MS,
  blockOf,
  conversationNumber,
  DIALOGUE_COLLECTION,
  dialoguesOf,
  earliestOf,
  lineOf,
  LIVE,
  READ,
  SEARCH_COLLECTION,
  sealOf,
  written,
  type Dialogue,
  type Line,
  type SearchBlock,
} from './search-index.js';

/** Conversations whose last block is known without asking; all are forgotten when there are more. */
const KNOWN_MAX = 100_000;
/** How often what another owner of the partition has written meanwhile is read again before it is an error. */
const TRIES_MAX = 5;
/** Readings of the archive may have cut it differently: so many blocks of one writer may hold a message. */
const NEAR_MAX = 4;

/** The last block of a conversation, as far as the next line needs it. */
interface Open extends Pick<SearchBlock, '_id' | 'from' | 'last'> {
  readonly count: number;
  readonly length: number;
  readonly sealed: boolean;
}

/** Writes what messages are found by. */
export class SearchBlocks {
  private readonly blocks: Collection<SearchBlock>;
  private readonly dialogues: Collection<Dialogue>;
  private readonly known = new Map<string, Open | undefined>();

  constructor(
    connection: Connection,
    private readonly language: Language,
  ) {
    this.blocks = collectionOf(connection, SEARCH_COLLECTION);
    this.dialogues = collectionOf(connection, DIALOGUE_COLLECTION);
  }

  /**
   * Resolves when messages of the log, in their order, can be found; what is there already changes nothing. `linesOf` is
   * done at once, before anything is waited for.
   */
  async append(messages: readonly ArchivedMessage[]): Promise<void> {
    const lines = linesOf(messages, this.language);
    for (let tries = 0; !(await this.tryAppend(lines)); tries++) {
      if (tries === TRIES_MAX) throw new Error('blocks of the search index change under the hand that writes them');
      for (const conversation of lines.keys()) this.known.delete(conversation);
    }
  }

  /** Resolves when messages of the archive can be found, whether they are there or not. */
  async read(messages: readonly ArchivedMessage[]): Promise<void> {
    const lines = linesOf(messages, this.language);
    await this.note([...lines.keys()]);
    const operations = [...lines].flatMap(([conversation, own]) =>
      planOf(conversation, own, undefined).runs.map((run) => {
        const block = blockOf(conversationNumber(conversation), READ, run.lines);
        const replacement = { ...block, ...sealOf(block, this.language) };
        return { replaceOne: { filter: { _id: block._id }, replacement, upsert: true } };
      }),
    );
    if (operations.length > 0) await this.blocks.bulkWrite(operations, { ordered: false });
  }

  /** Forgets what a message said. */
  async takeOut(conversation: string, position: number): Promise<void> {
    const c = conversationNumber(conversation);
    for (const b of [LIVE, READ]) {
      const near = await this.blocks
        .find({ _id: { $gte: { c, b, p: 0 }, $lte: { c, b, p: position } } }, { projection: { last: 1 } })
        .sort({ _id: -1 })
        .limit(NEAR_MAX)
        .toArray();
      const ids = near.filter(({ last }) => last >= position).map(({ _id }) => _id);
      await this.blocks.updateMany({ _id: { $in: ids } }, { $pull: { x: { $regex: `^${position} ` } } } as never);
    }
  }

  /** Answers whether everything is in; if not, somebody else has written to one of the blocks. */
  private async tryAppend(lines: ReadonlyMap<string, readonly Line[]>): Promise<boolean> {
    const opens = await this.opensOf([...lines.keys()]);
    const plans = [...lines].map(([conversation, own]) => planOf(conversation, own, opens.get(conversation)));
    for (let round = 0; ; round++) {
      const runs = plans.flatMap(({ runs }) => runs[round] ?? []);
      if (runs.length === 0) break;
      // The next block only when this one has its lines: it would hide that they are missing.
      const { matchedCount, upsertedCount } = await this.blocks.bulkWrite(runs.map(operationOf), { ordered: false });
      const created = runs.filter(({ after }) => after === undefined).length;
      if (upsertedCount < created || matchedCount < runs.length - created) return false;
    }
    for (const { conversation, open } of plans) this.known.set(conversation, open);
    await Promise.all(plans.flatMap(({ full }) => full).map((_id) => this.seal(_id)));
    return true;
  }

  private async opensOf(conversations: readonly string[]): Promise<ReadonlyMap<string, Open | undefined>> {
    if (this.known.size > KNOWN_MAX) this.known.clear();
    const opens = new Map<string, Open | undefined>();
    const unknown = conversations.filter((conversation) => !this.known.has(conversation));
    for (const conversation of conversations) opens.set(conversation, this.known.get(conversation));
    await this.note(unknown);
    await Promise.all(
      unknown.map(async (conversation) => {
        const c = conversationNumber(conversation);
        const live = { _id: { $gte: { c, b: LIVE, p: 0 }, $lt: { c, b: READ, p: 0 } } };
        const block = await this.blocks.findOne(live, { sort: { _id: -1 } });
        opens.set(conversation, block === null ? undefined : openOf(block));
      }),
    );
    return opens;
  }

  private async note(conversations: readonly string[]): Promise<void> {
    const dialogues = conversations.flatMap(dialoguesOf);
    if (dialogues.length === 0) return;
    await this.dialogues.insertMany(dialogues, { ordered: false }).catch((error: unknown) => {
      if (!isDuplicateKey(error) || isTransient(error)) throw error;
    });
  }

  private async seal(_id: SearchBlock['_id']): Promise<void> {
    const block = await this.blocks.findOne({ _id });
    if (block === null || block.x.length === 0) return;
    const unchanged = { _id, last: block.last, s: { $exists: false } };
    await this.blocks.updateOne(unchanged, { $set: sealOf(block, this.language) });
  }
}

/** Lines that go into one block; `after` = its last position before, undefined = it is new. */
interface Run {
  readonly _id: SearchBlock['_id'];
  readonly lines: Line[];
  readonly after: number | undefined;
}

interface Plan {
  readonly conversation: string;
  readonly runs: Run[];
  /** Blocks that nothing is added to any more. */
  readonly full: SearchBlock['_id'][];
  /** As it is afterwards. */
  readonly open: Open | undefined;
}

/** What goes where of the lines that are not in yet. */
function planOf(conversation: string, lines: readonly Line[], before: Open | undefined): Plan {
  const runs: Run[] = [];
  const full: SearchBlock['_id'][] = [];
  let open = before;
  for (const line of lines) {
    if (open !== undefined && line.position <= open.last) continue;
    if (open === undefined || isFull(open, line)) {
      if (open !== undefined && !open.sealed) full.push(open._id);
      const _id = { c: conversationNumber(conversation), b: LIVE, p: line.position };
      open = { _id, from: line.at, last: line.position, count: 0, length: 0, sealed: false };
      runs.push({ _id, lines: [], after: undefined });
    } else if (runs.length === 0) runs.push({ _id: open._id, lines: [], after: open.last });
    runs.at(-1)!.lines.push(line);
    open = { ...open, last: line.position, count: open.count + 1, length: open.length + line.text.length };
  }
  return { conversation, runs, full, open };
}

function operationOf({ _id, lines, after }: Run) {
  if (after === undefined) {
    const { _id: __, ...fields } = blockOf(_id.c, _id.b, lines);
    return { updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } };
  }
  const update = {
    $push: { x: { $each: lines.map(written) } },
    $set: { last: lines.at(-1)!.position },
    $min: { from: earliestOf(lines) },
  };
  return { updateOne: { filter: { _id, last: after, s: { $exists: false } }, update } };
}

function isFull({ count, length, from, sealed }: Open, { at, text }: Line): boolean {
  return sealed || count >= BLOCK_MESSAGES || length + text.length > BLOCK_LENGTH || at - from > BLOCK_SPAN_MS;
}

function openOf({ _id, from, last, x, s }: SearchBlock): Open {
  const length = x.reduce((sum, line) => sum + line.length, 0);
  return { _id, from, last, count: x.length, length, sealed: s !== undefined };
}

/** By conversation, in the order given. */
function linesOf(messages: readonly ArchivedMessage[], language: Language): Map<string, Line[]> {
  const lines = new Map<string, Line[]>();
  for (const message of messages) {
    const line = lineOf(message, language);
    if (line === undefined) continue;
    const own = lines.get(message._id.conversation);
    if (own === undefined) lines.set(message._id.conversation, [line]);
    else own.push(line);
  }
  return lines;
}
