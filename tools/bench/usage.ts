import { readFile } from 'node:fs/promises';

/** Clock ticks per second in /proc, fixed on Linux. */
const TICKS_PER_SECOND = 100;

/** CPU-seconds by process name since the process began; processes of one name are added up. */
export type CpuSeconds = ReadonlyMap<string, number>;

/** One that is gone counts nothing; where there is no /proc, the answer is empty. */
export async function cpuSeconds(processes: readonly { name: string; pid: number }[]): Promise<CpuSeconds> {
  const seconds = new Map<string, number>();
  for (const { name, pid } of processes) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    seconds.set(name, (seconds.get(name) ?? 0) + ticks / TICKS_PER_SECOND);
  }
  return seconds;
}

export function difference(after: CpuSeconds, before: CpuSeconds): Record<string, number> {
  const names = [...after.keys()].filter((name) => before.has(name));
  return Object.fromEntries(names.map((name) => [name, after.get(name)! - before.get(name)!]));
}
