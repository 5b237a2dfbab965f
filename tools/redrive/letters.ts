import type { TopicName } from '@magpie/contracts';
import type { DeadLetter, EventLog } from '@magpie/event-log';
import { refusal, takesRepeats, type RedriveRequest } from './options.js';

/**
 * Lists or redrives the letters that came from the topics of one service; answers how many waited.
 * `log`: of the service that owns the topics.
 */
export async function handleLetters(
  log: Pick<EventLog, 'redrive'>,
  topics: readonly TopicName[],
  { consumer, list }: Pick<RedriveRequest, 'consumer' | 'list'>,
  print: (line: string) => void,
): Promise<number> {
  const waiting: DeadLetter[] = [];
  // Keeps the letter, and answers that it is not to be appended.
  const keep = (letter: DeadLetter): boolean => waiting.push(letter) < 0;
  await log.redrive({ consumer, topics, pick: keep });
  if (list) {
    for (const letter of waiting) print(lineOf(letter));
    return waiting.length;
  }
  const found = topics.filter((topic) => waiting.some((letter) => letter.topic === topic));
  for (const topic of found.filter((one) => !takesRepeats(one))) print(refusal(topic));
  const safe = found.filter(takesRepeats);
  if (safe.length > 0) {
    const { redriven, before } = await log.redrive({ consumer, topics: safe });
    print(`${consumer}: ${redriven} redriven to ${safe.join(', ')}, ${before} had been before`);
  }
  return waiting.length;
}

function lineOf({ topic, partition, offset, buriedAtMs, key, error }: DeadLetter): string {
  return `${topic}/${partition}@${offset}  ${new Date(buriedAtMs).toISOString()}  ${key}  ${error}`;
}
