import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TOPICS, type TopicName } from '@magpie/contracts';

const DEAD_LETTER = '.dead-letter.v1';
const names = Object.keys(TOPICS) as TopicName[];

/** Those that have dead letters. */
const consumers = names.flatMap((topic) => (topic.endsWith(DEAD_LETTER) ? topic.slice(0, -DEAD_LETTER.length) : []));

/** Topics that letters may have come from. */
export const sources: readonly TopicName[] = names.filter((topic) => TOPICS[topic].kind !== 'dead-letter');

export const USAGE = `npm run redrive -- <consumer> [topic…] [--list] [--data DIR]

  Appends the dead letters of a consumer anew to the topics that they came from, while the system runs (DIR/run.json).
  <consumer>  whose they are: ${consumers.join(', ')}
  [topic…]    only what came from these
  --list      shows the letters that wait, and leaves them
  --data      default .data`;

/** What ends the program with one line. */
export class RedriveError extends Error {}

export interface RedriveRequest {
  readonly consumer: string;
  /** Undefined: all. */
  readonly topics: readonly TopicName[] | undefined;
  readonly list: boolean;
  readonly data: string;
}

/** Whether readers of the topic drop a record that comes again however late: those of outboxes do, by its version. */
export const takesRepeats = (topic: TopicName): boolean => TOPICS[topic].kind === 'outbox';

export const refusal = (topic: TopicName): string =>
  `${topic} is not appended to: its readers know a record as a repeat for 180 s only, so it would be shown twice ` +
  `(libs/event-log/README.md, Dead letters)`;

export function readOptions(args: string[]): RedriveRequest | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [consumer, ...given] = positionals;
  if (consumer === undefined) throw new RedriveError(`whose dead letters?\n\n${USAGE}`);
  if (!consumers.includes(consumer)) {
    throw new RedriveError(`"${consumer}" has no dead letters; these have: ${consumers.join(', ')}`);
  }
  const list = values.list ?? false;
  const topics = given.map((topic) => checked(topic, list));
  return { consumer, topics: topics.length > 0 ? topics : undefined, list, data: resolve(values.data ?? '.data') };
}

function checked(given: string, list: boolean): TopicName {
  const topic = sources.find((one) => one === given);
  if (!topic) throw new RedriveError(`"${given}" is no topic that letters come from; these are: ${sources.join(', ')}`);
  if (!list && !takesRepeats(topic)) throw new RedriveError(refusal(topic));
  return topic;
}

function parse(args: string[]) {
  try {
    const flags = { list: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    const options = { ...flags, data: { type: 'string' } } as const;
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    throw new RedriveError(`${(error as Error).message}\n\n${USAGE}`);
  }
}
