import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { SEARCH_LIMITS } from '../domain/limits.js';
import { comparePlaces, type Place } from '../domain/search-place.js';
import { answers, type Question } from '../domain/search-question.js';
import { bitsOf, termsOf } from '../domain/search-terms.js';
import type { Language } from '../domain/search-text.js';
import {
  BLOCK_SPAN_MS,
  kindNumber,
  placeIn,
  SEARCH_COLLECTION,
  SEARCH_INDEX,
  senderNumber,
  textIn,
  type SearchBlock,
} from '../projections/search-index.js';

type Block = Pick<SearchBlock, '_id' | 'until' | 'x'>;

/** Blocks that one answer of the database brings. */
const BATCH = 64;

/** Places that say what a question asks for; `rest` = the search goes on behind that place, undefined = it is at its end. */
export interface Found {
  readonly places: Place[];
  readonly rest: Place | undefined;
}

/** Reads the index: where in some conversations something stands, in the order of answers. */
export class SearchCandidates {
  private readonly blocks: Collection<SearchBlock>;

  constructor(
    connection: Connection,
    private readonly language: Language,
  ) {
    this.blocks = collectionOf(connection, SEARCH_COLLECTION);
  }

  /** All behind `after`, a stretch at a time; ends early at the bound of a page, then the last has a `rest`. */
  async *find(question: Question, conversations: readonly number[], after: Place | undefined): AsyncGenerator<Found> {
    const newest = Math.min(question.until, after?.at ?? question.until);
    const parts = partsOf(conversations);
    const floors = await Promise.all(parts.map((part) => this.floorOf(part, newest, parts.length)));
    const floor = Math.max(-1, ...floors);
    const streams = parts.map((part) => this.look(question, part, newest, floor));
    const waiting = new Waiting(question, after);
    for await (const block of merged(streams)) {
      const places = waiting.newerThan(block.until);
      if (places.length > 0) yield { places, rest: undefined };
      waiting.add(block);
    }
    const rest = floor < question.since ? undefined : { at: floor, position: Number.MAX_SAFE_INTEGER, conversation: 0 };
    yield { places: waiting.newerThan(rest === undefined ? -1 : floor), rest };
  }

  /** Last time of the first block that is not looked at any more; -1 = there are not so many. */
  private async floorOf(conversations: readonly number[], newest: number, parts: number): Promise<number> {
    const [first] = await this.blocks
      .find({ '_id.c': { $in: [...conversations] }, until: { $lte: newest } })
      .project<{ until: number }>({ _id: 0, until: 1 })
      .sort({ until: -1 })
      .hint(SEARCH_INDEX.keys)
      .skip(Math.ceil(SEARCH_LIMITS.blocksMax / parts))
      .limit(1)
      .toArray();
    return first?.until ?? -1;
  }

  /** Blocks that may have an answer not newer than `newest`, but those that end at `floor` or before. */
  private async *look(
    question: Question,
    conversations: readonly number[],
    newest: number,
    floor: number,
  ): AsyncGenerator<Block> {
    const bits = bitsOf(question.words.flatMap((word) => this.wanted(word)));
    const cursor = this.blocks
      .find({
        '_id.c': { $in: [...conversations] },
        until: { $gt: Math.max(floor, question.since - 1), $lte: newest + BLOCK_SPAN_MS },
        from: { $lte: newest },
        $or: [{ s: { $bitsAllSet: bits } }, { s: { $exists: false } }],
        x: { $all: question.words.map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|\/-]/g, '\\$&'))) },
      })
      .project<Block>({ until: 1, x: 1 })
      .sort({ until: -1 })
      .hint(SEARCH_INDEX.keys)
      .batchSize(BATCH);
    try {
      for await (const block of cursor) yield block;
    } finally {
      await cursor.close();
    }
  }

  /** Terms that a text with the word in it has, but those that others imply. */
  private wanted(word: string): number[] {
    const terms = [...termsOf(word, this.language)];
    const characters = new Set(Array.from(word).flatMap((character) => [...termsOf(character, this.language)]));
    const rarer = terms.filter((term) => !characters.has(term));
    return rarer.length === 0 ? terms : rarer;
  }
}

/** So many conversations that the database reads them as one, in order. */
function partsOf(conversations: readonly number[]): number[][] {
  const { conversationsMax } = SEARCH_LIMITS;
  const parts: number[][] = [];
  for (let from = 0; from < conversations.length; from += conversationsMax) {
    parts.push(conversations.slice(from, from + conversationsMax));
  }
  return parts;
}

/** Places from blocks that were read, until no other block can have newer ones. */
class Waiting {
  readonly #places = new Map<string, Place>();
  #newest = -1;
  readonly #sender: number | undefined;
  readonly #kinds: readonly number[];

  constructor(
    private readonly question: Question,
    private readonly after: Place | undefined,
  ) {
    this.#sender = question.from === '' ? undefined : senderNumber(question.from);
    this.#kinds = question.kinds.map(kindNumber);
  }

  add({ _id, x }: Block): void {
    const { since, until } = this.question;
    for (const line of x) {
      if (!answers(line, this.question) || !answers(textIn(line), this.question)) continue;
      const { position, at, sender, kind } = placeIn(line);
      if (at < since || at > until) continue;
      if (this.#sender !== undefined && sender !== this.#sender) continue;
      if (this.#kinds.length > 0 && !this.#kinds.includes(kind)) continue;
      const place = { at, position, conversation: _id.c };
      if (this.after !== undefined && comparePlaces(this.after, place) >= 0) continue;
      // Two blocks may hold the same message.
      this.#places.set(`${_id.c} ${position}`, place);
      this.#newest = Math.max(this.#newest, at);
    }
  }

  /** Takes out what is newer, in the order of answers. */
  newerThan(at: number): Place[] {
    if (this.#newest <= at) return [];
    this.#newest = at;
    const places = [...this.#places].filter(([, place]) => place.at > at);
    for (const [key] of places) this.#places.delete(key);
    return places.map(([, place]) => place).sort(comparePlaces);
  }
}

/** The block that ends last first. */
async function* merged(streams: readonly AsyncGenerator<Block>[]): AsyncGenerator<Block> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, block: await nextOf(stream) })));
  try {
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.block && head.block.until > (first?.block?.until ?? -1)) first = head;
      }
      if (!first?.block) return;
      yield first.block;
      first.block = await nextOf(first.stream);
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return(undefined)));
  }
}

async function nextOf(stream: AsyncGenerator<Block>): Promise<Block | undefined> {
  const { done, value } = await stream.next();
  return done === true ? undefined : value;
}
