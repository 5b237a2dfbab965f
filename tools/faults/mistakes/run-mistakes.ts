import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { openSeenOfCommit } from '../by-commit.js';
import { FaultsError } from '../options.js';
import { MISTAKES } from './catalogue.js';
import { judgeOfBuild, judgesOf, notRun, refusedBy } from './judge.js';
import { hasEscaped, isCaught, type Mistake, type Outcome, type Verdict } from './mistake.js';
import { pageOf } from './page.js';
import { Workshop } from './workshop.js';

const PAGE = 'docs/reliability-mistakes.md';

/** Of a compiler's complaint. */
const LINES_MAX = 3;

type Print = (line: string) => void;

/**
 * Makes the mistakes whose name contains one of `only` (empty: all), and writes the page once every mistake was made on
 * this commit. Answers how many were not caught.
 */
export async function runMistakes(
  repository: string,
  only: readonly string[],
  print: Print,
  interrupted: AbortSignal,
): Promise<number> {
  const mistakes = MISTAKES.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (mistakes.length === 0) throw new FaultsError('no mistake has such a name');
  print(`${mistakes.length} mistakes, one after the other, in a copy`);
  const seen = await openSeenOfCommit<Outcome>(repository, 'mistakes');
  const workshop = await Workshop.open(repository, interrupted);
  const outcomes: Outcome[] = [];
  try {
    const controls = await control(workshop, mistakes, interrupted, print);
    for (const mistake of mistakes) {
      const verdicts = await judge(workshop, mistake, controls, interrupted);
      const outcome: Outcome = { name: mistake.name, on: new Date().toISOString().slice(0, 10), verdicts };
      outcomes.push(outcome);
      for (const line of linesOf(outcome)) print(line);
      await writePage(repository, await seen.keep(outcome.name, outcome));
    }
  } finally {
    await workshop.close();
  }
  const [caught, escaped] = [isCaught, hasEscaped].map((is) => outcomes.filter(is).length) as [number, number];
  print(`${caught} caught, ${escaped} escaped, ${outcomes.length - caught - escaped} not run`);
  return outcomes.length - caught;
}

/** What the judges say without any mistake, by their keys. */
async function control(
  workshop: Workshop,
  mistakes: readonly Mistake[],
  interrupted: AbortSignal,
  print: Print,
): Promise<ReadonlyMap<string, Verdict>> {
  const judges = new Map(mistakes.flatMap(judgesOf).map((each) => [each.key, each]));
  const controls = new Map<string, Verdict>();
  await workshop.with([], async () => {
    for (const [key, each] of judges) {
      const verdict = await each.judge(workshop.folder, interrupted);
      print(`without a mistake: ${toldOf(verdict)}`);
      controls.set(key, verdict);
    }
  });
  return controls;
}

async function judge(
  workshop: Workshop,
  mistake: Mistake,
  controls: ReadonlyMap<string, Verdict>,
  interrupted: AbortSignal,
): Promise<readonly Verdict[]> {
  try {
    return await workshop.with(mistake.edits, async () => {
      const verdicts: Verdict[] = mistake.complaint === undefined ? [] : [judgeOfBuild(mistake.complaint, '')];
      for (const each of judgesOf(mistake)) {
        const refused = refusedBy(controls.get(each.key)!);
        verdicts.push(refused ?? (await each.judge(workshop.folder, interrupted)));
      }
      return verdicts;
    });
  } catch (error) {
    interrupted.throwIfAborted();
    const { message } = error as Error;
    if (mistake.complaint !== undefined) return [judgeOfBuild(mistake.complaint, message)];
    // One that does not fit or build says nothing of the others.
    return [notRun('the build', message.split('\n', LINES_MAX).join(' '))];
  }
}

function linesOf(outcome: Outcome): string[] {
  const escaped = hasEscaped(outcome) ? 'ESCAPED' : 'NOT RUN';
  return [
    `${isCaught(outcome) ? 'caught ' : escaped} ${outcome.name}`,
    ...outcome.verdicts.map((verdict) => `        ${toldOf(verdict)}`),
  ];
}

const toldOf = ({ by, colour, saw }: Verdict): string => `${by}: ${[colour, ...saw].join(', ')}`;

/** A page that left out what was not made here would say less than the one that stands. */
async function writePage(repository: string, outcomes: readonly Outcome[]): Promise<void> {
  const known = new Set(outcomes.map(({ name }) => name));
  if (MISTAKES.every(({ name }) => known.has(name)))
    await writeFile(join(repository, PAGE), pageOf(MISTAKES, outcomes));
}
