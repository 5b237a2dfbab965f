import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

import { seconds } from './lines.js';
import { SHAPES, type RowResult, type ShapeName } from './row.js';
import { RATE, USERS } from './run-shape.js';

const FILE = 'docs/reliability.md';
const GIB = 1024 ** 3;

const SHAPE_TITLES: Readonly<Record<ShapeName, string>> = {
  one: 'All services in one process',
  split: 'One process per service',
  pairs: 'Two processes per service',
  disks: 'Small volumes (one process, Kafka and MongoDB on a volume of their own)',
};

/** Writes what a full run has seen. */
export function writeReport(repository: string, seed: number, results: readonly RowResult[]): Promise<void> {
  return writeFile(join(repository, FILE), reportOf(seed, new Date(), results));
}

/** The text of docs/reliability.md. */
export function reportOf(seed: number, at: Date, results: readonly RowResult[]): string {
  const count = (status: RowResult['status']): number => results.filter((result) => result.status === status).length;
  const sections = (Object.keys(SHAPES) as ShapeName[])
    .map((shape) => sectionOf(shape, results))
    .filter((section) => section !== '');
  return `# What happens when something breaks

This page is written by \`npm run faults\`: every row is a fault that was made to happen on real processes, under load,
and what the users then saw. Run it again with \`npm run faults -- --seed ${seed}\`.

- ${at.toISOString().slice(0, 10)}, seed ${seed}, ${machine()}
- **${count('passed')} passed, ${count('failed') + count('not reached')} failed, ${count('not run')} not run**
- Load throughout: ${RATE} messages per second (open loop, one in twelve writings a burst of four in one request) between
  ${USERS} users in pairs, every third with two devices, a third of the first devices on WebSocket, the rest on TCP;
  besides, one person per second signs up and logs in on a second device.
- The devices hide nothing: they show whatever they are told, in the order in which they are told. Sends without an
  answer are sent again with the same ids, as the SDK does.
- A row passes when every acknowledged message was shown exactly once on every device of both sides, in the order of the
  conversation; nothing was refused; every send was resolved within 60 s of the last repair; every message reached the
  devices by notice, none only because they asked at the end; everybody who signed up is found; and the system is healthy
  again by itself.

_Slowest_ is the longest time that any message took from being written to being shown, so it is the longest that anybody
was cut off: fail-over, the repeats and the backlog together. _Waited_ are the users who had a message that took more
than 1.5 s. _Resolved after_ is how long the last answer took once the load had ended, 4 s after the system was healthy.

${sections.join('\n')}`;
}

function sectionOf(shape: ShapeName, results: readonly RowResult[]): string {
  const some = results.filter(({ row }) => row.shape === shape);
  if (some.length === 0) return '';
  const worstMs = Math.max(...some.map(({ load }) => load?.slowestMs ?? 0));
  return [
    `## ${SHAPE_TITLES[shape]}`,
    '',
    `The slowest of all ${some.length} rows: ${seconds(worstMs)}.`,
    '',
    '| fault | what was done | result | slowest | waited | sent | acknowledged | resolved after |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...some.map(lineOf),
    '',
  ].join('\n');
}

function lineOf({ row, status, reasons, particulars, load }: RowResult): string {
  const verdict = status === 'passed' ? 'passed' : `**${status}**: ${reasons.join('; ')}`;
  const judged = load?.summary.judged;
  const excused = judged !== undefined && judged.excused > 0 ? `; ${judged.excused} excused` : '';
  const what = particulars === '' ? row.what : `${row.what} Here: ${particulars}.`;
  const figures =
    load === undefined || judged === undefined || status === 'not run'
      ? ['', '', '', '', '']
      : [
          seconds(load.slowestMs),
          `${load.usersAffected} of ${load.users}`,
          String(judged.sent),
          String(judged.acknowledged),
          seconds(load.resolvedAfterMs),
        ];
  return `| ${[row.name, what, verdict + excused, ...figures].map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} virtual cores of ${first?.model ?? 'an unknown processor'}, ${Math.round(totalmem() / GIB)} GiB, Node ${process.version}, everything on one machine`;
}
