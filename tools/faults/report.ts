import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

import { seconds } from './lines.js';
import { SHAPES, type RowResult, type Run, type ShapeName, type ToldRow } from './row.js';
import { RATE, USERS } from './run-shape.js';

const FILE = 'docs/reliability.md';
const GIB = 1024 ** 3;

const SHAPE_TITLES: Readonly<Record<ShapeName, string>> = {
  one: 'All services in one process',
  split: 'One process per service',
  proxied: 'One process per service, and a proxy between the services and Kafka',
  pairs: 'Two processes per service',
  disks: 'Small volumes (one process, Kafka and MongoDB on a volume of their own)',
};

/** A row, and what each run saw of it. */
interface Seen {
  readonly row: ToldRow;
  readonly results: readonly (RowResult & { readonly seed: number })[];
}

/** Writes what full runs have seen. */
export function writeReport(repository: string, runs: readonly Run[]): Promise<void> {
  return writeFile(join(repository, FILE), reportOf(new Date(), runs));
}

/** The text of docs/reliability.md. */
export function reportOf(at: Date, runs: readonly Run[]): string {
  const rows = [...new Map(runs.flatMap(({ results }) => results.map(({ row }) => [row.name, row] as const))).values()];
  const seen = rows.map((row) => ({
    row,
    results: runs.flatMap(({ seed, results }) =>
      results.filter((result) => result.row.name === row.name).map((result) => ({ ...result, seed })),
    ),
  }));
  const seeds = runs.map(({ seed }) => seed).join(',');
  const sections = (Object.keys(SHAPES) as ShapeName[])
    .map((shape) =>
      sectionOf(
        shape,
        seen.filter(({ row }) => row.shape === shape),
      ),
    )
    .filter((section) => section !== '');
  return `# What happens when something breaks

This page is written by \`npm run faults\`: every row is a fault that was made to happen on real processes, under load,
and what the users then saw. Run it again with \`npm run faults -- --seed ${seeds}\`.

- ${at.toISOString().slice(0, 10)}, ${machine()}
${runs.map(verdictOf).join('\n')}
- Load throughout: ${RATE} messages per second (open loop, one in twelve writings a burst of four in one request) between
  ${USERS} users in pairs, every third with two devices, a third of the first devices on WebSocket, the rest on TCP; one
  more writing in five goes to one of four groups of eight, whose owners remove and add one member every 2 s. Besides,
  one person per second signs up and logs in on a second device, ten readers per second say how far they are, and two
  pairs of others become friends and end it. A fault begins once messages flow (those of the last 1.5 s were each shown
  within 0.5 s), or after 20 s: what a system is slow at when it was just started is not the fault's.
- The devices hide nothing: they show whatever they are told, in the order in which they are told. Sends without an
  answer are sent again with the same ids, as the SDK does.
- A row passes when every acknowledged message was shown exactly once on every device of both sides, or of those who
  were in the group at its place in the log, and of nobody else, in the order of the conversation; nothing that was
  written after a removal was answered reached the one removed; nothing was refused; every send was resolved within 60 s
  of the last repair; every message reached the devices by notice, none only because they asked at the end; every device
  came to the end of its feed, and none showed an old message again, or an older state of a group after a newer one; in
  the end all devices know how far readers are and who is whose friend, as it was answered; feed and history, read
  again, hold every message once; no checkpoint and no epoch of one went back; everybody who signed up is found; and the
  system is healthy again by itself.
- When the log itself is lost nobody can say afterwards when who came into a group: in that row groups stay as they are,
  and readers may be less far than they said.

_Slowest_ is the longest time that any message took from being written to being shown, of those shown after the fault
began, so it is the longest that anybody was cut off: fail-over, the repeats and the backlog together. _Waited_ are the
users who had a message that took more than 1.5 s. _Resolved after_ is how long after the last repair the last send of
before it had its answer. Of several runs each figure is the worst.

${failOverOf(seen)}
${sections.join('\n')}`;
}

function verdictOf({ seed, results }: Run): string {
  const count = (status: RowResult['status']): number => results.filter((result) => result.status === status).length;
  const failed = count('failed') + count('not reached');
  const minutes = results.reduce((sum, { tookMs }) => sum + tookMs, 0) / 60_000;
  const counts = `**${count('passed')} passed, ${failed} failed, ${count('not run')} not run**`;
  return `- Seed ${seed}: ${counts}, ${minutes.toFixed(0)} minutes`;
}

/** What was asked of a fail-over against the slowest that was seen. */
function failOverOf(seen: readonly Seen[]): string {
  const some = seen.filter(({ row }) => row.flowsWithinMs !== undefined);
  if (some.length === 0) return '';
  return [
    '## How soon messages flow again',
    '',
    '| fault | asked | slowest of each run | |',
    '| --- | --- | --- | --- |',
    ...some.map(({ row, results }) => {
      const asked = row.flowsWithinMs!;
      const times = results.flatMap(({ load }) => load?.slowestMs ?? []);
      const met = times.length > 0 && Math.max(...times) <= asked;
      return line([row.name, seconds(asked), times.map(seconds).join(', '), met ? 'met' : '**not met**']);
    }),
    '',
  ].join('\n');
}

function sectionOf(shape: ShapeName, seen: readonly Seen[]): string {
  if (seen.length === 0) return '';
  const slowestMs = worst(seen.flatMap(({ results }) => results.map(({ load }) => load?.slowestMs ?? 0)));
  return [
    `## ${SHAPE_TITLES[shape]}`,
    '',
    `The slowest of all ${seen.length} rows: ${seconds(slowestMs)}.`,
    '',
    '| fault | what was done | result | slowest | waited | sent | acknowledged | resolved after |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...seen.map(rowOf),
    '',
  ].join('\n');
}

function rowOf({ row, results }: Seen): string {
  const particulars = [...new Set(results.map((result) => result.particulars))].filter((each) => each !== '');
  const what = particulars.length === 0 ? row.what : `${row.what} Here: ${particulars.join('; ')}.`;
  const excused = results.reduce((sum, { load }) => sum + (load?.summary.judged.excused ?? 0), 0);
  const loads = results.flatMap(({ status, load }) => (load === undefined || status === 'not run' ? [] : [load]));
  const sum = (of: (load: (typeof loads)[number]) => number): string =>
    String(loads.reduce((total, load) => total + of(load), 0));
  const figures =
    loads.length === 0
      ? ['', '', '', '', '']
      : [
          seconds(worst(loads.map(({ slowestMs }) => slowestMs))),
          `${worst(loads.map(({ usersAffected }) => usersAffected))} of ${loads[0]!.users}`,
          sum(({ summary }) => summary.judged.sent),
          sum(({ summary }) => summary.judged.acknowledged),
          seconds(worst(loads.map(({ resolvedAfterMs }) => resolvedAfterMs))),
        ];
  return line([row.name, what, resultOf(results) + (excused > 0 ? `; ${excused} excused` : ''), ...figures]);
}

/** Whatever did not pass is told, with its seed. */
function resultOf(results: Seen['results']): string {
  const passed = results.filter(({ status }) => status === 'passed').length;
  const others = results
    .filter(({ status }) => status !== 'passed')
    .map(({ status, reasons, seed }) => `**${status}** (seed ${seed}): ${reasons.join('; ')}`);
  const all = passed === 1 && results.length === 1 ? ['passed'] : passed > 0 ? [`passed ${passed} times`] : [];
  return [...all, ...others].join('; ');
}

const worst = (figures: readonly number[]): number => Math.max(...figures);

const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;

function machine(): string {
  const [first] = cpus();
  const cores = `${cpus().length} virtual cores of ${first?.model ?? 'an unknown processor'}`;
  return `${cores}, ${Math.round(totalmem() / GIB)} GiB, Node ${process.version}, everything on one machine`;
}
