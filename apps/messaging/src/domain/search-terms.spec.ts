import fc from 'fast-check';
import { Chinese } from '../clients/language.client.js';
import { bitsOf, signatureOf, termsOf } from './search-terms.js';
import { searchable, wordsOf } from './search-text.js';

const language = new Chinese();
const plain = (text: string): string => searchable(text, language);

const PHRASES =
  '中华人民共和国|我们|今天晚上|吃饭|研究生命科学|南京市长江大桥|資訊工程|電腦|的|了|聯合國教科文組織'.split('|');
const LATIN = [
  'Hello',
  'ＡＢＣ',
  'db-2',
  '4S店',
  'iPhone 17',
  'Straße',
  'ΟΔΟΣ',
  '3.14',
  '👨‍👩‍👧',
  '❤️',
  'café',
  '２０２６年',
];
const piece = fc.oneof(
  fc.constantFrom(...PHRASES),
  fc.constantFrom(...LATIN),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const text = fc.array(piece, { minLength: 1, maxLength: 30 }).map((pieces) => pieces.join(''));
const SPAN = fc.tuple(fc.nat(), fc.integer({ min: 2, max: 8 }));

/** A part of a text, `length` characters from some place on. */
function partOf(whole: string, [place, length]: [number, number]): string {
  const characters = Array.from(whole);
  const from = place % Math.max(1, characters.length);
  return characters.slice(from, from + length).join('');
}

// Goal: whatever is typed out of a text has no term that the text lacks, so nothing that is there is missed. Real: the
// dictionaries.
describe('searchable', () => {
  it.each([
    ['full width', 'ＡＢＣ１２３', 'abc123'],
    ['capitals', 'HELLO Wörld', 'hello wörld'],
    ['traditional characters', '電腦與資訊', '电脑与资讯'],
    ['blanks', ' a\t\u3000b\n', 'a b'],
    ['what is not seen', 'a\u200bb\u00adc\ufeff', 'abc'],
    ['a sigma at the end', 'ΟΔΟΣ', 'οδοσ'],
  ])('takes %s as it takes the plain form', (_name, given, expected) => {
    expect(plain(given)).toBe(expected);
  });

  it('makes of a part of a searchable text a part of it', () => {
    fc.assert(
      fc.property(text, SPAN, (whole, span) => {
        const all = plain(whole);
        expect(all).toContain(plain(partOf(all, span)));
      }),
    );
  });
});

describe('termsOf', () => {
  it('has for any part of a text terms of the text alone', () => {
    fc.assert(
      fc.property(text, SPAN, (whole, span) => {
        const all = plain(whole);
        const terms = termsOf(all, language);
        const signature = signatureOf([all, 'another'], language);
        for (const word of partOf(all, span).split(' ')) {
          const wanted = termsOf(word, language);
          expect([...terms]).toEqual(expect.arrayContaining([...wanted]));
          expect(bitsOf(wanted).every((bit) => (signature[bit >> 3]! >> (bit & 7)) % 2 === 1)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has the long words of the dictionary besides the pairs', () => {
    const without = termsOf('共和国', { ...language, wordsIn: () => [] });
    expect(without.size).toBe('共|和|国|共和|和国'.split('|').length);
    expect(termsOf('共和国', language).size).toBe(without.size + 1);
    const whole = [...termsOf('中华人民共和国', language)];
    expect(whole).toEqual(expect.arrayContaining([...termsOf('共和国', language)]));
  });

  it('has no pair across a blank', () => {
    expect(termsOf('a b', language).size).toBe(2);
  });
});

describe('wordsOf', () => {
  const said = (words: string) => ({ content: { $case: 'text' as const, value: { text: words } } });
  it('is what a reader sees of it in words', () => {
    const entries = [
      { from: 'u1', serverTimeMs: 1, content: said('one') },
      { from: 'u2', serverTimeMs: 2, content: said('two') },
    ];
    expect(wordsOf({ content: { $case: 'merged', value: { title: 'talk', entries } } })).toBe('talk one two');
    const link = { url: 'https://a.example', title: 'A', summary: 'B', thumbMediaId: '' };
    expect(wordsOf({ content: { $case: 'link', value: link } })).toBe('A B');
    const file = { mediaId: 'f1', name: 'report.pdf', size: 1, mediaType: '' };
    expect(wordsOf({ content: { $case: 'file', value: file } })).toBe('report.pdf');
    expect(wordsOf({ content: { $case: 'location', value: { latitude: 0, longitude: 0, label: 'here' } } })).toBe(
      'here',
    );
    expect(wordsOf({ content: { $case: 'card', value: { userId: 'u1' } } })).toBe('');
    expect(wordsOf(undefined)).toBe('');
  });
});
