import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { SEARCH_LIMITS } from '../domain/limits.js';
import { comparePlaces, type Place } from '../domain/search-place.js';
import type { Question } from '../domain/search-question.js';
import { ANY_WORD, termsOf } from '../domain/search-terms.js';
import type { Language } from '../domain/search-text.js';
import {
  kindNumber,
  SEARCH_COLLECTION,
  SEARCH_INDEX,
  senderNumber,
  type SearchEntry,
} from '../projections/search-index.js';

/** An entry of the index that was looked at. */
export interface Candidate extends Place {
  /** It may be an answer: what it is found by has all that the question asks for. */
  readonly fits: boolean;
}

interface Looked extends Pick<SearchEntry, '_id' | 'at'> {
  readonly fits: boolean;
}

/** Entries that one answer of the database brings. */
const BATCH = 256;
/** Terms are weighed by a sample of so many entries, which is taken anew after some time. */
const SAMPLE = 1_000;
const SAMPLE_KEPT_MS = 600_000;

/** Reads the index: what may be an answer, in the order of answers. */
export class SearchCandidates {
  private readonly entries: Collection<SearchEntry>;
  private readonly language: Language;
  private weights: Promise<ReadonlyMap<number, number>> | undefined;
  private weighedAt = -Infinity;

  constructor(connection: Connection, language: Language) {
    this.entries = collectionOf(connection, SEARCH_COLLECTION);
    this.language = language;
  }

  /** All entries of these conversations that have the question's rarest term, behind `after`. */
  async *find(
    question: Question,
    conversations: readonly number[],
    after: Place | undefined,
  ): AsyncGenerator<Candidate> {
    const terms = question.words.map((word) => termsOf(word, this.language));
    const rarest = await this.rarestOf(terms);
    const streams: AsyncGenerator<Candidate>[] = [];
    for (let from = 0; from < conversations.length; from += SEARCH_LIMITS.conversationsMax) {
      const part = conversations.slice(from, from + SEARCH_LIMITS.conversationsMax);
      streams.push(inOrder(this.look(question, part, after, rarest, terms.flat())));
    }
    for await (const candidate of merged(streams)) {
      if (after === undefined || comparePlaces(after, candidate) < 0) yield candidate;
    }
  }

  private async *look(
    { from, kinds, since, until }: Question,
    conversations: readonly number[],
    after: Place | undefined,
    rarest: { term: number; ofWord: readonly number[] },
    all: readonly number[],
  ): AsyncGenerator<Looked> {
    // A stretch of a long text may have one word and not the other.
    const wanted = { $cond: [{ $gte: ['$_id.n', 0] }, rarest.ofWord, all] };
    const conditions: object[] = [{ $setIsSubset: [wanted, '$k'] }];
    if (from !== '') conditions.push({ $eq: ['$f', senderNumber(from)] });
    if (kinds.length > 0) conditions.push({ $in: ['$t', kinds.map(kindNumber)] });
    const cursor = this.entries.find(
      {
        '_id.c': { $in: [...conversations] },
        k: rarest.term,
        at: { $gte: since, $lte: Math.min(until, after?.at ?? until) },
      },
      {
        projection: { at: 1, fits: { $and: conditions } },
        sort: { at: -1, '_id.p': -1 },
        hint: SEARCH_INDEX.keys,
        batchSize: BATCH,
      },
    );
    try {
      for await (const entry of cursor) yield entry as unknown as Looked;
    } finally {
      await cursor.close();
    }
  }

  /** The term to look for, with those of its word. */
  private async rarestOf(words: readonly (readonly number[])[]): Promise<{ term: number; ofWord: readonly number[] }> {
    const weights = await this.sampled();
    let rarest = { term: ANY_WORD, ofWord: [] as readonly number[], weight: Infinity };
    for (const ofWord of words) {
      // Of those that are equally rare the last: words of the dictionary stand behind the pairs.
      for (const term of ofWord) {
        const weight = weights.get(term) ?? 0;
        if (weight <= rarest.weight) rarest = { term, ofWord, weight };
      }
    }
    return rarest;
  }

  /** How often terms occur, about. */
  private sampled(): Promise<ReadonlyMap<number, number>> {
    if (this.weights === undefined || performance.now() - this.weighedAt > SAMPLE_KEPT_MS) {
      this.weighedAt = performance.now();
      this.weights = this.sample().catch(() => new Map());
    }
    return this.weights;
  }

  private async sample(): Promise<ReadonlyMap<number, number>> {
    const weights = new Map<number, number>();
    const sample = this.entries.aggregate<Pick<SearchEntry, 'k'>>([
      { $sample: { size: SAMPLE } },
      { $project: { k: 1 } },
    ]);
    for (const { k } of await sample.toArray()) {
      for (const term of k) weights.set(term, (weights.get(term) ?? 0) + 1);
    }
    return weights;
  }
}

/** Entries of one place (of a long text) become one, those of one time and position get their order. */
async function* inOrder(entries: AsyncIterable<Looked>): AsyncGenerator<Candidate> {
  let together: Candidate[] = [];
  for await (const { _id, at, fits } of entries) {
    const candidate = { at, position: _id.p, conversation: _id.c, fits };
    const first = together[0];
    if (first !== undefined && (first.at !== at || first.position !== candidate.position)) {
      yield* together.sort(comparePlaces);
      together = [];
    }
    const same = together.findIndex(({ conversation }) => conversation === candidate.conversation);
    if (same === -1) together.push(candidate);
    else if (fits) together[same] = candidate;
  }
  yield* together.sort(comparePlaces);
}

async function* merged(streams: readonly AsyncGenerator<Candidate>[]): AsyncGenerator<Candidate> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, next: (await stream.next()).value })));
  try {
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.next && (!first?.next || comparePlaces(head.next, first.next) < 0)) first = head;
      }
      if (!first?.next) return;
      yield first.next;
      first.next = (await first.stream.next()).value;
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return(undefined)));
  }
}
