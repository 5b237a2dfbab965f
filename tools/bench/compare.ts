import { hash } from 'node:crypto';
import type { FoldedDocument } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';

/** Documents that are held against the source at a time. */
const SOURCE_BATCH = 500;
const EXAMPLES_MAX = 5;

/** What a document was, without keeping all of it. */
export interface Mark {
  readonly version: number;
  readonly digest: string;
}

/** How a view differs from the one before it. Everything but `same`, `moved` and `added` is wrong. */
export interface Comparison {
  /** Equal in every field. */
  same: number;
  /** At a later version than before, and as the source has it. */
  moved: number;
  /** Not there before, and as the source has it. */
  added: number;
  missing: number;
  /** Of the same version or an earlier one, and not equal. */
  unequal: number;
  /** Moved or added, and not as the source has it, or not in the source at all. */
  unfounded: number;
  /** Ids of what is wrong, the first of them. */
  examples: string[];
}

/** What a view's document says besides its place, as the source has it; undefined = the source knows of none. */
export type Source<T extends FoldedDocument> = (id: string) => Promise<Omit<T, '_id' | 'position'> | undefined>;

/** Every document of a view as it stands. */
export async function marksOf<T extends FoldedDocument>(view: Collection<T>): Promise<Map<string, Mark>> {
  const marks = new Map<string, Mark>();
  for await (const document of view.find()) marks.set(document._id as string, markOf(document as unknown as T));
  return marks;
}

/**
 * Holds every document of a view against what it was, all fields, and what has changed or come since against the source.
 * Takes out of `before` what it finds there.
 */
export async function compare<T extends FoldedDocument>(
  before: Map<string, Mark>,
  view: Collection<T>,
  source: Source<T>,
): Promise<Comparison> {
  const result: Comparison = { same: 0, moved: 0, added: 0, missing: 0, unequal: 0, unfounded: 0, examples: [] };
  const blame = (what: 'missing' | 'unequal' | 'unfounded', id: string): void => {
    result[what]++;
    if (result.examples.length < EXAMPLES_MAX) result.examples.push(`${id} ${what}`);
  };
  const newer: { document: T; as: 'moved' | 'added' }[] = [];
  const judgeNewer = async (): Promise<void> => {
    const batch = newer.splice(0);
    const founded = await Promise.all(batch.map(({ document }) => isFounded(document, source)));
    batch.forEach(({ document, as }, i) => (founded[i] ? result[as]++ : blame('unfounded', document._id)));
  };
  for await (const found of view.find()) {
    const document = found as unknown as T;
    const { version, digest } = markOf(document);
    const old = before.get(document._id);
    before.delete(document._id);
    if (digest === old?.digest) result.same++;
    else if (old !== undefined && version <= old.version) blame('unequal', document._id);
    else newer.push({ document, as: old === undefined ? 'added' : 'moved' });
    if (newer.length >= SOURCE_BATCH) await judgeNewer();
  }
  await judgeNewer();
  for (const id of before.keys()) blame('missing', id);
  return result;
}

/** Whether nothing is wrong. */
export function isEqual({ missing, unequal, unfounded }: Comparison): boolean {
  return missing === 0 && unequal === 0 && unfounded === 0;
}

async function isFounded<T extends FoldedDocument>(document: T, source: Source<T>): Promise<boolean> {
  const { _id, position, ...fields } = document;
  const expected = await source(_id);
  return expected !== undefined && position > 0 && digestOf(fields) === digestOf(expected);
}

function markOf(document: FoldedDocument): Mark {
  return { version: document.version, digest: digestOf(document) };
}

/** The order of the fields is no difference. */
function digestOf(document: object): string {
  return hash('sha1', JSON.stringify(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1))), 'base64');
}
