import type { Choose } from './choices.js';

/** The most frequent words of the dictionary. */
const WORDS = 20_000;
const MIXED =
  'OK|iPhone 17|GitHub|v2.0.1|https://magpie.example/a?b=1|3.14|WiFi|Ａ座|２０２６年|DNA|hello world|C++|👍|😂😂|❤️|——|……|《三體》|電腦|聯絡資訊'.split(
    '|',
  );
const ENDS = ['。', '，', '！', '？', '~', ' ', ''];
/** Of ten lines so many have something in them that is no Chinese word; of a hundred so many are long. */
const MIXED_OF_TEN = 3;
const LONG_OF_HUNDRED = 1;
const WORDS_OF_LINE = 14;
const WORDS_OF_LONG_LINE = 900;

/** Lines as people write them: Chinese words as often as the dictionary says, Latin ones, numbers and emoji among them. */
export async function chatter(choose: Choose): Promise<() => string> {
  const { words, until } = await frequent();
  const word = (): string => words[indexIn(until, choose(until.at(-1)!))]!;
  return () => {
    const isLong = choose(100) < LONG_OF_HUNDRED;
    const isMixed = choose(10) < MIXED_OF_TEN;
    const pieces: string[] = [];
    for (let left = 1 + choose(isLong ? WORDS_OF_LONG_LINE : WORDS_OF_LINE); left > 0; left--) {
      pieces.push(word());
      if (isMixed && choose(4) === 0) pieces.push(MIXED[choose(MIXED.length)]!);
      if (choose(6) === 0) pieces.push(ENDS[choose(ENDS.length)]!);
    }
    return pieces.join('');
  };
}

/** Words, and for each the sum of the frequencies up to it. */
async function frequent(): Promise<{ words: string[]; until: number[] }> {
  const { dict } = await import('@node-rs/jieba/dict.js');
  const entries = Buffer.from(dict)
    .toString()
    .split('\n')
    .map((line) => line.split(' ', 2))
    .map(([word, frequency]) => ({ word: word!, frequency: Number(frequency) }))
    .filter(({ frequency }) => frequency > 0)
    .sort((a, b) => b.frequency - a.frequency)
    .slice(0, WORDS);
  let sum = 0;
  return { words: entries.map(({ word }) => word), until: entries.map(({ frequency }) => (sum += frequency)) };
}

/** First place whose sum is above `value`. */
function indexIn(until: readonly number[], value: number): number {
  let low = 0;
  let high = until.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (until[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
