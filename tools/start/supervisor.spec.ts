import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { identify, isRunning, readRunInfo, runFile } from '@magpie/testing';

import { supervise, type SupervisorOptions } from './supervisor.js';

/** A service that is healthy at once; the supervisor under test is real, Kafka and MongoDB are only named. */
const STUB = `
import { createServer } from 'node:http';
createServer((_, response) => response.end('ok')).listen(Number(process.env.MAGPIE_HEALTH_PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;
/** The same, but it first says which port clients will find it at, and takes that port only when it is told to. */
const lateStub = (wants: string, go: string) => `
import { existsSync, writeFileSync } from 'node:fs';
const port = process.env.GATEWAY_HTTP_PORT;
writeFileSync('${wants}', port);
while (!existsSync('${go}')) await new Promise((resolve) => setTimeout(resolve, 20));
await new Promise((resolve) => createServer().listen(Number(port), '127.0.0.1', resolve));
${STUB}`;
const BROKEN_STUB = `process.stderr.write('no such setting'); process.exit(3);`;

/** Every start is a process or two; the machine may be busy. */
const TEST_LIMIT_MS = 30_000;

describe('supervisor', () => {
  let folder: string;
  let lines: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'supervisor-'));
    lines = [];
    await writeApp('magpie', STUB);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function writeApp(name: string, source: string): Promise<void> {
    await mkdir(join(folder, 'apps', name, 'dist/src'), { recursive: true });
    await writeFile(join(folder, 'apps/package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'apps', name, 'dist/src/main.js'), source);
  }

  const options = (): SupervisorOptions => ({
    split: false,
    durable: false,
    instances: 1,
    faults: false,
    dataDir: join(folder, 'data'),
    apps: join(folder, 'apps'),
    kafkaBrokers: 'kafka:1',
    mongodbUri: 'mongodb://mongod:2',
    say: (line) => void lines.push(line),
  });
  const start = () => supervise(options(), new AbortController().signal);
  const pidIn = async (name: string): Promise<number | undefined> =>
    (await readRunInfo(options().dataDir))?.processes.find((process) => process.name === name)?.pid;

  it(
    'starts a killed process again, with its new pid in run.json, and removes run.json when it stops',
    async () => {
      const supervisor = await start();
      const first = (await pidIn('magpie')) ?? 0;
      process.kill(first, 'SIGKILL');
      await eventually(async () => ![undefined, first].includes(await pidIn('magpie')));
      const second = identify((await pidIn('magpie')) ?? 0);
      expect(second).toBeDefined();
      expect(lines[0]).toBe('magpie was ended by SIGKILL; starting it again in 250 ms');
      await supervisor.stop();
      expect(second && isRunning(second)).toBe(false);
      expect(existsSync(runFile(options().dataDir))).toBe(false);
    },
    TEST_LIMIT_MS,
  );

  it(
    'tells clients and services the same addresses, also after another start',
    async () => {
      const first = await start();
      const info = first.info();
      await first.stop();
      const second = await start();
      expect(second.info()).toMatchObject({
        http: info.http,
        ws: `${info.http.replace('http', 'ws')}/ws`,
        kafka: 'kafka:1',
      });
      await second.stop();
    },
    TEST_LIMIT_MS,
  );

  it(
    'shows the end of the log of a service that does not start, and leaves nothing behind',
    async () => {
      await writeApp('magpie', BROKEN_STUB);
      await expect(start()).rejects.toMatchObject({ code: 'START_FAILED', detail: 'no such setting' });
      expect(existsSync(join(options().dataDir, 'processes.json'))).toBe(false);
    },
    TEST_LIMIT_MS,
  );

  it(
    'goes on with another port when one is taken between choosing and listening',
    async () => {
      const [wants, go] = [join(folder, 'wants'), join(folder, 'go')];
      await writeApp('magpie', lateStub(wants, go));
      const starting = start();
      await eventually(async () => existsSync(wants) && (await readFile(wants, 'utf8')) !== '');
      const stolen = Number(await readFile(wants, 'utf8'));
      const thief = createServer().listen(stolen, '127.0.0.1');
      await once(thief, 'listening');
      await writeFile(go, '');
      const supervisor = await starting;
      const moved = Number(new URL(supervisor.info().http).port);
      expect(moved).not.toBe(stolen);
      expect(lines).toContain(`port ${stolen} of gateway-http is taken now: it moved to ${moved}`);
      await supervisor.stop();
      thief.close();
    },
    TEST_LIMIT_MS,
  );

  it(
    'is refused while another runs in the same data directory; after kill -9 of that one, ends what it left',
    async () => {
      const other = await startInAnotherProcess();
      const orphan = identify((await pidIn('magpie')) ?? 0);
      await expect(start()).rejects.toMatchObject({
        code: 'DATA_DIR_IN_USE',
        message: expect.stringContaining(`process ${other.pid}`),
      });
      other.kill('SIGKILL');
      await once(other, 'exit');
      expect(orphan && isRunning(orphan)).toBe(true);
      const supervisor = await start();
      expect(orphan && isRunning(orphan)).toBe(false);
      expect(lines).toContain(`ended magpie (process ${orphan?.pid}), left over from an earlier start`);
      await supervisor.stop();
    },
    TEST_LIMIT_MS,
  );

  it(
    'never touches a process that was given the pid of an orphan',
    async () => {
      const innocent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      const first = await startInAnotherProcess();
      first.kill('SIGKILL');
      await once(first, 'exit');
      const file = join(options().dataDir, 'processes.json');
      const orphan = (await readRunInfo(options().dataDir))?.processes.find(({ name }) => name === 'magpie')?.pid ?? 0;
      process.kill(orphan, 'SIGKILL');
      await writeFile(file, (await readFile(file, 'utf8')).replace(`"pid":${orphan}`, `"pid":${innocent.pid}`));
      const supervisor = await start();
      expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
      await supervisor.stop();
      innocent.kill('SIGKILL');
    },
    TEST_LIMIT_MS,
  );

  async function startInAnotherProcess(): Promise<ChildProcess> {
    const script = `
      import { supervise } from ${JSON.stringify(new URL('./supervisor.js', import.meta.url).href)};
      const options = ${JSON.stringify(options())};
      await supervise({ ...options, say: () => undefined }, new AbortController().signal);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await eventually(async () => (await pidIn('supervisor')) === child.pid);
    return child;
  }
});

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}
