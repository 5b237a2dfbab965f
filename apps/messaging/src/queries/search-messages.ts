import { messaging } from '@magpie/contracts';
import { conversationOf, unavailable } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { pageTokenOf, placeOf, type Place } from '../domain/search-place.js';
import { answers, checkSearch, type Question } from '../domain/search-question.js';
import { searchable, wordsOf, type Language } from '../domain/search-text.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { isWhole } from '../projections/search-build.js';
import { conversationNumber, DIALOGUE_COLLECTION, kindNumber, type Dialogue } from '../projections/search-index.js';
import { messageFor } from './list-history.js';
import { SearchCandidates } from './search-candidates.js';

/** Which messages a user may read, besides those of conversations of two. */
export interface Readable {
  /** What the user may read of each of their groups, also of those that they have left. */
  groupsOf(userId: string): Promise<ReadonlyMap<string, PositionFilter>>;
  /** The same of one; throws NOT_A_MEMBER when they never were. */
  groupOf(userId: string, conversation: string): Promise<PositionFilter>;
}

/** What a user has put out of their own sight. */
export interface Hidden {
  /** Positions up to which conversations are cleared. */
  clearedOf(userId: string): Promise<ReadonlyMap<string, number>>;
  /** Those of the messages that are deleted. */
  deletedOf(userId: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export type PositionFilter = (position: number) => boolean;

interface Scope {
  readonly conversation: string;
  readonly shows: PositionFilter;
}

type Scopes = ReadonlyMap<number, Scope>;

const LAST = '\uffff';

/** Finds messages by their words: candidates by the index, then each looked at as the archive has it now. */
export class SearchMessages {
  private readonly messages: Collection<ArchivedMessage>;
  private readonly dialogues: Collection<Dialogue>;
  private readonly candidates: SearchCandidates;

  constructor(
    private readonly connection: Connection,
    private readonly language: Language,
    private readonly readable: Readable,
    private readonly hidden: Hidden,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
    this.dialogues = collectionOf(connection, DIALOGUE_COLLECTION);
    this.candidates = new SearchCandidates(connection, language);
  }

  /** Throws INVALID, NO_SUCH_PEER or NOT_A_MEMBER; UNAVAILABLE while the index is made. */
  async execute(userId: string, request: messaging.SearchMessagesRequest): Promise<messaging.SearchMessagesResponse> {
    const question = checkSearch(request, this.language);
    const after = placeOf(request.pageToken, userId, question);
    const [whole, scopes] = await Promise.all([isWhole(this.connection), this.scopesOf(userId, question)]);
    if (!whole) throw unavailable('the search index');
    const found: messaging.Message[] = [];
    for await (const { places, rest } of this.candidates.find(question, [...scopes.keys()], after)) {
      const shown = places.filter(({ conversation, position }) => scopes.get(conversation)!.shows(position));
      while (shown.length > 0) {
        const some = shown.splice(0, question.limit - found.length);
        found.push(...(await this.answersAmong(userId, question, scopes, some)));
        if (found.length === question.limit) return page(found, some.at(-1));
      }
      if (rest !== undefined) return page(found, rest);
    }
    return page(found, undefined);

    function page(messages: messaging.Message[], end: Place | undefined): messaging.SearchMessagesResponse {
      return { messages, nextPageToken: end === undefined ? '' : pageTokenOf(end, userId, question) };
    }
  }

  private async scopesOf(userId: string, { peer }: Question): Promise<Scopes> {
    const cleared = await this.hidden.clearedOf(userId);
    const readable: [string, PositionFilter][] = [];
    if (peer === '') {
      const own = { $gte: { user: userId, conversation: '' }, $lt: { user: userId, conversation: LAST } };
      const [dialogues, groups] = await Promise.all([
        this.dialogues.find({ _id: own }).toArray(),
        this.readable.groupsOf(userId),
      ]);
      for (const { _id } of dialogues) readable.push([_id.conversation, everything]);
      readable.push(...groups);
    } else {
      const conversation = conversationOf(userId, peer);
      const isGroup = conversation.startsWith('g.');
      readable.push([conversation, isGroup ? await this.readable.groupOf(userId, conversation) : everything]);
    }
    return new Map(
      readable.map(([conversation, reads]) => {
        const from = cleared.get(conversation) ?? -1;
        const shows = (position: number): boolean => position > from && reads(position);
        return [conversationNumber(conversation), { conversation, shows }];
      }),
    );
  }

  /** What a message says, and whether it still does, is what the archive has. */
  private async answersAmong(
    userId: string,
    question: Question,
    scopes: Scopes,
    candidates: readonly Place[],
  ): Promise<messaging.Message[]> {
    if (candidates.length === 0) return [];
    const ids = candidates.map((each) => ({
      conversation: scopes.get(each.conversation)!.conversation,
      position: each.position,
    }));
    const rows = await this.messages.find({ _id: { $in: ids } }, { promoteBuffers: true }).toArray();
    const keyOf = ({ conversation, position }: ArchivedMessage['_id']): string => `${conversation} ${position}`;
    const byId = new Map(rows.map((row) => [keyOf(row._id), row]));
    const inOrder = ids.flatMap((id) => byId.get(keyOf(id)) ?? []);
    const readable = await this.stillReadable(userId, inOrder);
    const right = readable.filter((row) => this.isAnswer(row, question)).map((row) => messageFor(userId, row));
    const deleted = await this.hidden.deletedOf(
      userId,
      right.map(({ messageId }) => messageId),
    );
    return right.filter(({ messageId }) => !deleted.has(messageId));
  }

  /** Who was removed from a group after its times were read has no right to what came then. */
  private async stillReadable(userId: string, rows: readonly ArchivedMessage[]): Promise<ArchivedMessage[]> {
    const groups = new Set(rows.map(({ _id }) => _id.conversation).filter((each) => each.startsWith('g.')));
    const filters = new Map<string, PositionFilter>();
    const look = async (group: string) => filters.set(group, await this.readable.groupOf(userId, group));
    await Promise.all([...groups].map(look));
    return rows.filter(({ _id }) => (filters.get(_id.conversation) ?? everything)(_id.position));
  }

  private isAnswer({ body }: ArchivedMessage, question: Question): boolean {
    const { from, content } = messaging.MessageSent.decode(body);
    if (question.from !== '' && from !== question.from) return false;
    const kind = content?.content?.$case ?? '';
    if (kindNumber(kind) === 0 || (question.kinds.length > 0 && !question.kinds.includes(kind))) return false;
    return answers(searchable(wordsOf(content), this.language), question);
  }
}

function everything(): boolean {
  return true;
}
