import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { withLock } from './lock-file.js';
import { identify } from './process-identity.js';

describe('lock file', () => {
  let folder: string;
  const file = () => join(folder, 'fetch.lock');

  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'lock-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('lets one in at a time and leaves nothing behind, also after a failure', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, (inside += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
      throw new Error('failed');
    };
    const results = await Promise.allSettled([1, 2, 3].map(() => withLock(file(), work)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over from a process that is gone, also when its pid was given to another', async () => {
    const recycled = { ...identify(process.pid), started: 'before the last boot' };
    await writeFile(file(), JSON.stringify(recycled));
    expect(await withLock(file(), async () => existsSync(file()))).toBe(true);
  });

  it('gives up with FETCH_BUSY and the pid while the holder lives', async () => {
    await withLock(file(), async () => {
      await expect(withLock(file(), async () => 0, 0)).rejects.toMatchObject({
        code: 'FETCH_BUSY',
        message: expect.stringContaining(`process ${process.pid}`),
      });
    });
  });
});
