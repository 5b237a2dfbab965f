import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRuns } from './runs.js';

// Goal: a page tells of several seeds only where they ran on the same commit. Real: git.
describe('runs that are remembered', () => {
  let folder: string;
  const git = (...args: string[]): void => {
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.org'];
    execFileSync('git', ['-C', folder, ...author, ...args], { stdio: 'ignore' });
  };
  const commit = (text: string): void => {
    writeFileSync(join(folder, 'code.txt'), text);
    git('add', 'code.txt', '.gitignore');
    git('commit', '-m', text);
  };
  const keep = async (seed: number): Promise<number[]> =>
    (await (await openRuns(folder)).keep({ seed, results: [] })).map((run) => run.seed);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'runs-'));
    git('init');
    writeFileSync(join(folder, '.gitignore'), '.data/\n');
    commit('one');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are those of one commit, each seed once', async () => {
    expect([await keep(2), await keep(1), await keep(2)]).toEqual([[2], [1, 2], [1, 2]]);
    commit('two');
    expect(await keep(3)).toEqual([3]);
  });

  it('are kept of calls side by side', async () => {
    const calls = await Promise.all([openRuns(folder), openRuns(folder)]);
    await Promise.all(calls.map((runs, index) => runs.keep({ seed: index + 1, results: [] })));
    expect(await keep(3)).toEqual([1, 2, 3]);
  });

  it('are only those of the call itself where the tree was changed', async () => {
    await keep(1);
    writeFileSync(join(folder, 'code.txt'), 'changed');
    const runs = await openRuns(folder);
    expect((await runs.keep({ seed: 2, results: [] })).length).toBe(1);
    expect((await runs.keep({ seed: 3, results: [] })).length).toBe(2);
    expect(await keep(4)).toEqual([4]);
  });
});
