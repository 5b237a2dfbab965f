import type { messaging } from '@magpie/contracts';
import { invalid, requireText } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { SEARCH_LIMITS } from './limits.js';
import { noSuchPeer } from './outgoing.js';
import { searchable, SEARCHED_KINDS, type Language } from './search-text.js';

/** A search whose form is right. */
export interface Question {
  /** Searchable, without blanks, each once: at least one. */
  readonly words: readonly string[];
  /** '' = all of the caller's conversations. */
  readonly peer: string;
  /** '' = from anybody. */
  readonly from: string;
  /** None = of any kind. */
  readonly kinds: readonly string[];
  /** Server time in ms, both inclusive. */
  readonly since: number;
  readonly until: number;
  readonly limit: number;
}

/** Checks the form of a search; throws INVALID or NO_SUCH_PEER, naming the field. */
export function checkSearch(request: messaging.SearchMessagesRequest, language: Language): Question {
  const { queryLengthMax, pageMax, pageDefault } = SEARCH_LIMITS;
  const query = requireText('query', request.query, { min: 1, max: queryLengthMax });
  const words = [...new Set(searchable(query, language).split(' '))].filter((word) => word !== '');
  if (words.length === 0) throw invalid('query', 'nothing but blanks, at least 1 character');
  if (request.peer !== '' && !isIdOf('u', request.peer) && !isIdOf('g', request.peer)) throw noSuchPeer('peer');
  if (request.from !== '' && !isIdOf('u', request.from)) throw invalid('from', 'a user id is expected');
  const kinds = [...new Set(request.kinds)];
  const unknown = kinds.find((kind) => !(SEARCHED_KINDS as string[]).includes(kind));
  if (unknown !== undefined) throw invalid('kinds', `one of ${SEARCHED_KINDS.join(', ')} is expected`);
  if (request.limit < 0 || request.limit > pageMax) {
    throw invalid('limit', `${request.limit}, 1 to ${pageMax} are expected`);
  }
  return {
    ...{ words, peer: request.peer, from: request.from, kinds },
    since: requireTime('since_ms', request.sinceMs),
    until: requireTime('until_ms', request.untilMs) || Number.MAX_SAFE_INTEGER,
    limit: request.limit || pageDefault,
  };
}

/** Whether a searchable text is an answer to it. */
export function answers(text: string, { words }: Question): boolean {
  return words.every((word) => text.includes(word));
}

function requireTime(field: string, ms: number): number {
  if (ms < 0) throw invalid(field, 'a time in ms is expected');
  return ms;
}
