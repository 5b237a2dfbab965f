import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const module = fileURLToPath(new URL('./crash-point.js', import.meta.url));

/** Runs a process that passes the point over and over; answers how it ended and how many passes it said it survived. */
async function passes(
  file: string | undefined,
  times: number,
  afterArming?: 'rmSync',
  complaints: 'inherit' | 'ignore' = 'inherit',
): Promise<{ signal: string | null; survived: number }> {
  const code = `
    import { crashPoint, watchFaultFile } from ${JSON.stringify(module)};
    ${file ? `watchFaultFile(${JSON.stringify(file)});` : ''}
    const { rmSync, writeSync } = await import('node:fs');
    ${file && afterArming ? `${afterArming}(${JSON.stringify(file)});` : ''}
    for (let i = 0; i < ${times}; i += 1) { crashPoint('relay.after-append'); crashPoint('store.after-commit'); writeSync(1, '.'); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', complaints] });
  let survived = 0;
  child.stdout.on('data', (data: Buffer) => (survived += data.length));
  const signal = await new Promise<string | null>((resolve) => child.on('close', (_code, name) => resolve(name)));
  return { signal, survived };
}

describe('crash points: a process dies exactly where and when it was told to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crash-point-'));
  const file = join(folder, 'fault.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('dies at the n-th pass, and not again in its next life', async () => {
    writeFileSync(file, JSON.stringify({ point: 'store.after-commit', pass: 3, action: 'kill' }));
    expect(await passes(file, 5)).toEqual({ signal: 'SIGKILL', survived: 2 });
    expect(existsSync(`${file}.done`)).toBe(true);
    expect(await passes(file, 5)).toEqual({ signal: null, survived: 5 });
  });

  it('lives when it was disarmed a moment ago', async () => {
    writeFileSync(file, JSON.stringify({ point: 'store.after-commit', pass: 3, action: 'kill' }));
    expect(await passes(file, 5, 'rmSync')).toEqual({ signal: null, survived: 5 });
  });

  it('says so when it cannot tell that it happened, instead of living on', async () => {
    const stuck = join(folder, 'stuck.json');
    mkdirSync(`${stuck}.done`);
    writeFileSync(stuck, JSON.stringify({ point: 'store.after-commit', pass: 3, action: 'kill' }));
    expect(await passes(stuck, 5, undefined, 'ignore')).toEqual({ signal: null, survived: 2 });
  });

  it('lives when another point is armed, or none', async () => {
    writeFileSync(file, JSON.stringify({ point: 'lane.before-send', pass: 1, action: 'kill' }));
    expect(await passes(file, 5)).toEqual({ signal: null, survived: 5 });
    expect(await passes(undefined, 5)).toEqual({ signal: null, survived: 5 });
  });
});
