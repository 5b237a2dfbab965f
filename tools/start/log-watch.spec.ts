import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { errorIn, watchLog } from './log-watch.js';

describe('log watch', () => {
  it('finds errors among log lines, with their cause, and passes over everything else', () => {
    expect(errorIn('{"level":50,"msg":"lane closed","err":{"message":"no leader"}}')).toBe('lane closed: no leader');
    expect(errorIn('{"level":"fatal","msg":"out of memory"}')).toBe('out of memory');
    const others = ['{"level":30,"msg":"ready"}', '{"level":40,"msg":"slow"}', 'plain text', '{ broken', ''];
    expect(others.map(errorIn)).toEqual(others.map(() => undefined));
  });

  it('shows errors written after it began, not those of earlier runs, and only five of a flood', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-watch-'));
    const file = join(folder, 'sync.log');
    const lines: string[] = [];
    await writeFile(file, '{"level":50,"msg":"old"}\n');
    const end = await watchLog('sync', file, (line) => void lines.push(line));
    await appendFile(file, Array.from({ length: 7 }, (_, n) => `{"level":50,"msg":"new ${n}"}\n`).join(''));
    while (lines.length < 6) await delay(20);
    end();
    expect(lines[0]).toBe('sync: new 0');
    expect(lines[5]).toBe(`sync: … and 2 more errors, see ${file}`);
    await rm(folder, { recursive: true });
  });
});
