import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openPortMemory, requireFreePort } from './ports.js';

describe('port memory', () => {
  let folder: string;
  const taken: Server[] = [];
  const file = () => join(folder, 'ports.json');

  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'ports-'))));
  afterEach(async () => {
    for (const server of taken.splice(0)) server.close();
    await rm(folder, { recursive: true });
  });

  /** Listens on a port, any one for 0, and answers which. */
  const take = (port: number) =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      taken.push(server);
    });

  it('remembers what it chose, for a later start and for a restart in the same run', async () => {
    const first = await openPortMemory(file());
    const [kafka, mongod] = [await first.choose('kafka'), await first.choose('mongod')];
    expect(kafka).not.toBe(mongod);
    expect(await first.choose('kafka')).toBe(kafka);
    expect(await (await openPortMemory(file())).choose('kafka')).toBe(kafka);
  });

  it('moves a port that is taken now, and says so', async () => {
    const before = await (await openPortMemory(file())).choose('kafka');
    await take(before);
    const moves: unknown[] = [];
    const after = await (await openPortMemory(file(), (...move) => moves.push(move))).choose('kafka');
    expect(moves).toEqual([['kafka', before, after]]);
    expect(after).not.toBe(before);
  });

  it('takes the preferred port when it is free, another one when not, and never one port twice', async () => {
    const busy = await take(0);
    const memory = await openPortMemory(file());
    expect(await memory.choose('http', busy)).not.toBe(busy);
    const free = await memory.choose('first');
    const both = await Promise.all([memory.choose('a', free + 1), memory.choose('b', free + 1)]);
    expect(new Set(both).size).toBe(2);
  });

  it('refuses a fixed port in use with a line that names it', async () => {
    const busy = await take(0);
    await expect(requireFreePort(busy, 'Kafka')).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`Kafka: port ${busy} is in use`),
    });
  });
});
