import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { verifyJars } from './kafka-jars.js';
import { serverProperties } from './kafka-settings.js';
import { javaMajor, requireDisk } from './requirements.js';

describe('requirements of the servers', () => {
  it('reads the major version of old and new Javas, and none from other text', () => {
    const versions = [
      'openjdk version "17.0.15" 2025-04-15',
      'java version "1.8.0_292"',
      'openjdk version "21"',
      'bash: java',
    ];
    expect(versions.map(javaMajor)).toEqual([17, 8, 21, 0]);
  });

  it('refuses a disk without room, naming both sizes', async () => {
    await expect(requireDisk(tmpdir(), Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({
      code: 'DISK_TOO_SMALL',
      message: expect.stringMatching(/has \d+ MiB free, \d+ MiB are needed/),
    });
  });

  it('accepts exactly the listed jars: a changed, missing or unknown one is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jars-'));
    const sum = (text: string) => createHash('sha256').update(text).digest('hex');
    const sums = `${sum('a')}  a.jar\n${sum('b')}  b.jar\n`;
    await writeFile(join(folder, 'a.jar'), 'a');
    const refusal = (name: string) => ({ code: 'HASH_MISMATCH', message: expect.stringContaining(name) });
    await expect(verifyJars(folder, sums)).rejects.toMatchObject(refusal('b.jar'));
    await writeFile(join(folder, 'b.jar'), 'changed');
    await expect(verifyJars(folder, sums)).rejects.toMatchObject(refusal('b.jar'));
    await writeFile(join(folder, 'b.jar'), 'b');
    await verifyJars(folder, sums);
    await writeFile(join(folder, 'c.jar'), '');
    await expect(verifyJars(folder, sums)).rejects.toMatchObject(refusal('c.jar'));
    await rm(folder, { recursive: true });
  });

  it('flushes every append only when the broker is to be durable', () => {
    const settings = { port: 1, controllerPort: 2, logDir: '/data' };
    expect(serverProperties({ ...settings, durable: true })).toContain('log.flush.interval.messages=1\n');
    expect(serverProperties({ ...settings, durable: false })).not.toContain('log.flush');
  });
});
