import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { FaultsError } from '../options.js';
import { MISTAKES } from './catalogue.js';
import { judgeByRow, judgeBySpec } from './judge.js';
import { isCaught, type Mistake, type Outcome, type Verdict } from './mistake.js';
import { pageOf } from './page.js';
import { Workshop } from './workshop.js';

const PAGE = 'docs/reliability-mistakes.md';
/** What was seen so far: the page tells of all mistakes, though some were made again alone. */
const OUTCOMES = '.data/mistakes.json';

type Print = (line: string) => void;

/** Makes the mistakes whose name contains one of `only` (empty: all) and writes the page. Answers how many escaped. */
export async function runMistakes(repository: string, only: readonly string[], print: Print): Promise<number> {
  const mistakes = MISTAKES.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (mistakes.length === 0) throw new FaultsError('no mistake has such a name');
  print(`${mistakes.length} mistakes, one after the other, in a copy`);
  const workshop = await Workshop.open(repository);
  let escaped = 0;
  try {
    for (const mistake of mistakes) {
      const verdicts = await workshop.with(mistake.edits, () => judge(workshop.folder, mistake));
      const outcome: Outcome = { name: mistake.name, on: new Date().toISOString().slice(0, 10), verdicts };
      if (!isCaught(outcome)) escaped++;
      for (const line of linesOf(outcome)) print(line);
      await keep(repository, outcome);
    }
  } finally {
    await workshop.close();
  }
  print(`${mistakes.length - escaped} caught, ${escaped} escaped`);
  return escaped;
}

async function judge(folder: string, { rows = [], specs = [], seed }: Mistake): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const row of rows) verdicts.push(await judgeByRow(folder, row, seed));
  for (const spec of specs) verdicts.push(await judgeBySpec(folder, spec));
  return verdicts;
}

function linesOf(outcome: Outcome): string[] {
  return [
    `${isCaught(outcome) ? 'caught ' : 'ESCAPED'} ${outcome.name}`,
    ...outcome.verdicts.map(({ by, red, saw }) => `        ${by}: ${red ? saw.join(', ') : 'stayed green'}`),
  ];
}

async function keep(repository: string, outcome: Outcome): Promise<void> {
  const file = join(repository, OUTCOMES);
  const text = await readFile(file, 'utf8').catch(() => '[]');
  const others = (JSON.parse(text) as Outcome[]).filter(({ name }) => name !== outcome.name);
  const outcomes = [...others, outcome];
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(outcomes, undefined, 2)}\n`);
  // A page that left out what was not made here would say less than the one that stands.
  const known = new Set(outcomes.map(({ name }) => name));
  if (MISTAKES.every(({ name }) => known.has(name)))
    await writeFile(join(repository, PAGE), pageOf(MISTAKES, outcomes));
}
