import { COMPILER, judgesOf } from './judge.js';
import { isCaught, type Mistake, type Outcome, type Verdict } from './mistake.js';

const NOT_RUN = '**was not run**';

/** The text of docs/reliability-mistakes.md: every mistake with what became of it. */
export function pageOf(mistakes: readonly Mistake[], outcomes: readonly Outcome[]): string {
  const rows = mistakes.map((mistake) => [mistake, outcomes.find(({ name }) => name === mistake.name)] as const);
  const caught = rows.filter(([, outcome]) => outcome !== undefined && isCaught(outcome)).length;
  return `# Would we see it?

This page is written by \`npm run faults -- --mistakes\`: each line is one mistake that was put into a copy of the product
on purpose, and what went red because of it. The mistakes themselves stand in \`tools/faults/mistakes\`; a spec keeps them
fitting. One alone: \`npm run faults -- --mistakes --only '<part of its name>'\`.

- **${caught} of ${mistakes.length} caught**
- Each row and spec was run without any mistake first: what was red then is no verdict.
- Rows are those of [reliability.md](reliability.md), run with the seed that is given; a figure is what one run saw, not a
  rate.

| mistake | judged by | seed | what it saw | on |
| --- | --- | --- | --- | --- |
${rows.map(([mistake, outcome]) => lineOf(mistake, outcome)).join('\n')}
${notesOf(mistakes)}`;
}

function lineOf(mistake: Mistake, outcome: Outcome | undefined): string {
  const { name, seed, complaint } = mistake;
  const verdicts = outcome?.verdicts ?? [];
  const by = [...(complaint === undefined ? [] : [COMPILER]), ...judgesOf(mistake).map((judge) => judge.by)].join('; ');
  const saw = outcome === undefined ? NOT_RUN : verdicts.map(sawOf).join('; ');
  return `| ${[name, by, String(seed), saw, outcome?.on ?? ''].map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
}

function sawOf({ colour, saw }: Verdict): string {
  if (colour === 'red') return saw.join(', ');
  return colour === 'green' ? '**stayed green**' : `${NOT_RUN}: ${saw.join(', ')}`;
}

function notesOf(mistakes: readonly Mistake[]): string {
  const noted = mistakes.flatMap(({ name, note }) => (note === undefined ? [] : [`- _${name}_: ${note}`]));
  return noted.length === 0 ? '' : `\n## Notes\n\n${noted.join('\n')}\n`;
}
