import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messaging, wire } from '@magpie/contracts';
import { connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { chatter, choicesOf, type Choose } from '@magpie/testing';
import { Converter } from 'opencc-js/t2cn';
import type { Player } from './accounts.js';
import { operationOf } from './commands.js';
import { BenchError, type BenchOptions, type RunningSystem } from './options.js';
import { percentile } from './tally.js';

const SEND = operationOf('newsendmsg');
const SEARCH = operationOf('searchmsg');
const SEED = 11;
const BATCH = 50;
/** Requests of senders that are under way together. */
const LANES = 8;
const AGAIN_MS = 200;
/** A message that says when it can be found is sent so often while the corpus is. */
const PROBE_EVERY_MS = 1_000;
const PROBE_LOOK_MS = 20;
const FOUND_WITHIN_MS = 120_000;
const LENGTHS = [2, 3, 4, 5, 6, 7, 8];
const PAGE = 20;
const PROGRESS_EVERY = 10_000;

type Print = (line: string) => void;

/** What was acknowledged, as the scan reads it. */
interface Said {
  readonly messageId: string;
  readonly from: number;
  readonly to: number;
  readonly plain: string;
}

interface Asked {
  readonly who: string;
  readonly firstPageMs: number;
  readonly pagesMs: number[];
  readonly expected: number;
  readonly missing: number;
  readonly wrong: number;
}

/**
 * Sends a corpus through the doors, then asks for parts of it and compares what is found with a scan of everything.
 * Of the messages 30 % are between the first two players, 20 % of the first one with all others, the rest anybody's.
 */
export async function benchSearch(
  options: BenchOptions,
  players: readonly Player[],
  running: RunningSystem,
  interrupted: AbortSignal,
  print: Print,
): Promise<boolean> {
  const { messages, queries } = options.search!;
  const choose = choicesOf(SEED);
  const corpus: Said[] = [];
  const lags = probeMeanwhile(players, corpus, messages, interrupted);
  const sentAt = performance.now();
  await sendAll(players, corpus, messages, choose, interrupted, print);
  const seconds = (performance.now() - sentAt) / 1000;
  const probed = await lags;
  print(`${corpus.length} messages acknowledged in ${seconds.toFixed(1)} s`);
  print(`found after: p50 ${percentile(sorted(probed), 0.5).toFixed(0)} ms, max ${Math.max(...probed).toFixed(0)} ms`);
  await allFound(players, corpus, interrupted);
  const asked: Asked[] = [];
  const populations: [string, () => number][] = [
    ['the first, with everybody', () => 0],
    ['the second', () => 1],
    ['anybody', () => 2 + choose(players.length - 2)],
  ];
  for (let n = 0; n < queries && !interrupted.aborted; n++) {
    const [who, player] = populations[n % populations.length]!;
    const query = partOf(corpus, LENGTHS[n % LENGTHS.length]!, choose);
    asked.push(await ask(players, player(), who, query, corpus));
  }
  for (const [who] of populations)
    for (const line of linesOf(
      who,
      asked.filter((each) => each.who === who),
    ))
      print(line);
  for (const line of linesOf('all', asked)) print(line);
  print(await sizes(running));
  return asked.length > 0 && asked.every(({ missing, wrong }) => missing + wrong === 0);
}

async function sendAll(
  players: readonly Player[],
  corpus: Said[],
  messages: number,
  choose: Choose,
  interrupted: AbortSignal,
  print: Print,
): Promise<void> {
  const line = await chatter(choose);
  let left = messages;
  const work = async (): Promise<void> => {
    while (left > 0 && !interrupted.aborted) {
      const [from, to] = pairOf(players.length, choose);
      const texts = Array.from({ length: Math.min(left, 1 + choose(BATCH)) }, line);
      left -= texts.length;
      await send(players, from, to, texts, corpus);
      if (Math.floor(corpus.length / PROGRESS_EVERY) > Math.floor((corpus.length - texts.length) / PROGRESS_EVERY)) {
        print(`${corpus.length} of ${messages} messages`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));
}

function pairOf(players: number, choose: Choose): [number, number] {
  const kind = choose(10);
  if (kind < 3) return choose(2) === 0 ? [0, 1] : [1, 0];
  const other = 1 + choose(players - 1);
  if (kind < 5) return choose(2) === 0 ? [0, other] : [other, 0];
  const from = choose(players);
  return [from, (from + other) % players];
}

/** Until all are acknowledged; the same ids again, as a client does. */
async function send(
  players: readonly Player[],
  from: number,
  to: number,
  texts: readonly string[],
  corpus: Said[],
): Promise<void> {
  let waiting = texts.map((text) => ({
    text,
    message: messaging.OutgoingMessage.fromPartial({
      clientId: randomBytes(9).toString('hex'),
      clientTimeMs: Date.now(),
      to: players[to]!.userId,
      content: { content: { $case: 'text', value: { text } } },
    }),
  }));
  while (waiting.length > 0) {
    const request = { messages: waiting.map(({ message }) => message) };
    const body = messaging.SendMessagesRequest.encode(request).finish();
    const answer = await players[from]!.device.request(SEND, body).catch(() => undefined);
    const { results } = answer ? messaging.SendMessagesResponse.decode(answer) : { results: [] };
    const refused: typeof waiting = [];
    waiting.forEach((each, i) => {
      const result = results[i];
      if (result?.code !== wire.Code.OK) refused.push(each);
      else corpus.push({ messageId: result.messageId, from, to, plain: plainOf(each.text) });
    });
    waiting = refused;
    if (waiting.length > 0) await delay(AGAIN_MS);
  }
}

/** How long it takes from the acknowledgement until a message is found, again and again until all are sent. */
async function probeMeanwhile(
  players: readonly Player[],
  corpus: Said[],
  messages: number,
  interrupted: AbortSignal,
): Promise<number[]> {
  const lags: number[] = [];
  do {
    const probe = randomBytes(8).toString('hex');
    const to = 2 + (lags.length % (players.length - 2));
    const own: Said[] = [];
    await send(players, 2, to, [probe], own);
    const acknowledgedAt = performance.now();
    while (!(await search(players[2]!, { query: probe })).messages.length) {
      if (performance.now() - acknowledgedAt > FOUND_WITHIN_MS) throw new BenchError(`a message is not found`);
      await delay(PROBE_LOOK_MS);
    }
    lags.push(performance.now() - acknowledgedAt);
    corpus.push(...own);
    await delay(PROBE_EVERY_MS, undefined, { signal: interrupted }).catch(() => undefined);
  } while (corpus.length < messages && !interrupted.aborted);
  return lags;
}

/** Waits until the last messages of the corpus can be found. */
async function allFound(players: readonly Player[], corpus: readonly Said[], interrupted: AbortSignal): Promise<void> {
  const until = performance.now() + FOUND_WITHIN_MS;
  for (const { from, to, plain, messageId } of corpus.slice(-4 * BATCH)) {
    const request = { query: Array.from(plain).slice(0, 8).join(''), peer: players[to]!.userId, limit: 100 };
    for (;;) {
      const { messages, nextPageToken } = await search(players[from]!, request);
      // More than a page of the same: what is behind it came earlier.
      if (nextPageToken !== '' || messages.some((each) => each.messageId === messageId)) break;
      if (performance.now() > until || interrupted.aborted) break;
      await delay(PROBE_LOOK_MS);
    }
  }
}

function partOf(corpus: readonly Said[], length: number, choose: Choose): string {
  for (;;) {
    const characters = Array.from(corpus[choose(corpus.length)]!.plain);
    const from = choose(Math.max(1, characters.length - length + 1));
    const part = characters.slice(from, from + length).join('');
    if (part.trim().length >= 2) return part;
  }
}

async function ask(
  players: readonly Player[],
  player: number,
  who: string,
  query: string,
  corpus: readonly Said[],
): Promise<Asked> {
  const pagesMs: number[] = [];
  const found = new Map<string, messaging.Message>();
  let pageToken = '';
  do {
    const askedAt = performance.now();
    const page = await search(players[player]!, { query, limit: pagesMs.length === 0 ? PAGE : 100, pageToken });
    pagesMs.push(performance.now() - askedAt);
    for (const message of page.messages) found.set(message.messageId, message);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  const words = plainOf(query).split(' ');
  const isAnswer = (plain: string): boolean => words.every((word) => plain.includes(word));
  const expected = corpus.filter(({ from, to, plain }) => (from === player || to === player) && isAnswer(plain));
  const missing = expected.filter(({ messageId }) => !found.has(messageId)).length;
  const self = players[player]!.userId;
  // Those of earlier runs stand there too.
  const wrong = [...found.values()].filter(({ from, to, content }) => {
    const text = content?.content?.$case === 'text' ? content.content.value.text : '';
    return (from !== self && to !== self) || !isAnswer(plainOf(text));
  }).length;
  return { who, firstPageMs: pagesMs[0]!, pagesMs, expected: expected.length, missing, wrong };
}

async function search(
  { device }: Player,
  request: Partial<messaging.SearchMessagesRequest>,
): Promise<messaging.SearchMessagesResponse> {
  const body = messaging.SearchMessagesRequest.encode(messaging.SearchMessagesRequest.fromPartial(request)).finish();
  return messaging.SearchMessagesResponse.decode(await device.request(SEARCH, body));
}

const simplify = Converter({ from: 't', to: 'cn' });

/** The form in which the scan compares, by its own means. */
function plainOf(text: string): string {
  const folded = text
    .replace(/[\u200b-\u200f\ufe00-\ufe0f]/g, '')
    .normalize('NFKC')
    .toLowerCase();
  return Array.from(folded, (character) => (/\p{Script=Han}/u.test(character) ? simplify(character) : character))
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
}

function sorted(list: readonly number[]): Float64Array {
  return Float64Array.from(list).sort();
}

function linesOf(who: string, asked: readonly Asked[]): string[] {
  if (asked.length === 0) return [];
  const sum = (field: 'expected' | 'missing' | 'wrong'): number => asked.reduce((all, each) => all + each[field], 0);
  const at = (list: number[], share: number): string => percentile(sorted(list), share).toFixed(1);
  const first = asked.map(({ firstPageMs }) => firstPageMs);
  const pages = asked.flatMap(({ pagesMs }) => pagesMs);
  const recall = sum('expected') === 0 ? 100 : (100 * (sum('expected') - sum('missing'))) / sum('expected');
  return [
    `${who}: ${asked.length} questions, recall ${recall.toFixed(3)} % of ${sum('expected')}, ${sum('wrong')} wrong`,
    `  first page p50 / p99 / max ${at(first, 0.5)} / ${at(first, 0.99)} / ${Math.max(...first).toFixed(1)} ms, ` +
      `any of ${pages.length} pages ${at(pages, 0.5)} / ${at(pages, 0.99)} / ${Math.max(...pages).toFixed(1)} ms`,
  ];
}

async function sizes({ mongodb }: RunningSystem): Promise<string> {
  const database = `${process.env['MAGPIE_NAMESPACE'] ?? ''}messaging`;
  const connection = await connectMongo({ uri: mongodb, database, logger: silentLogger() });
  try {
    const statsOf = (collStats: string) => connection.db!.command({ collStats });
    const [messages, index] = await Promise.all([statsOf('state_message'), statsOf('view_search')]);
    const count = Math.max(1, Number(messages['count']));
    const bytes = (stats: Record<string, unknown>): string =>
      ((Number(stats['storageSize']) + Number(stats['totalIndexSize'])) / count).toFixed(0);
    return `bytes on disk per message: archive ${bytes(messages)}, search ${bytes(index)} (${index['count']} blocks)`;
  } finally {
    await connection.close();
  }
}
