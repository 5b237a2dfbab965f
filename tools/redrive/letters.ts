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
  const waiting = new Map<TopicName, number>();
  /** Answers that it is not to be appended. Letters may be many, and each may be large: none is kept. */
  const look = (letter: DeadLetter): boolean => {
    waiting.set(letter.topic, (waiting.get(letter.topic) ?? 0) + 1);
    if (list) print(lineOf(letter));
    return false;
  };
  await log.redrive({ consumer, topics, pick: look });
  const count = [...waiting.values()].reduce((sum, some) => sum + some, 0);
  if (list) return count;
  const found = topics.filter((topic) => waiting.has(topic));
  for (const topic of found.filter((one) => !takesRepeats(one))) print(refusal(topic));
  const safe = found.filter(takesRepeats);
  if (safe.length > 0) {
    const { redriven, before } = await log.redrive({ consumer, topics: safe });
    print(`${consumer}: ${redriven} redriven to ${safe.join(', ')}, ${before} had been before`);
  }
  return count;
}

function lineOf({ topic, partition, offset, buriedAtMs, key, error }: DeadLetter): string {
  return `${topic}/${partition}@${offset}  ${new Date(buriedAtMs).toISOString()}  ${key}  ${error}`;
}
