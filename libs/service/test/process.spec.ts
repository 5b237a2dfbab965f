import { spawn } from 'node:child_process';
import { join } from 'node:path';

const SCRIPT = join(import.meta.dirname, 'demo-process.js');

/** Runs a process to its end; `signals` are sent one by one, each when the words before it have been seen. */
function run(
  behaviour: string,
  env: NodeJS.ProcessEnv,
  signals: [words: string, signal: NodeJS.Signals][] = [],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [SCRIPT, behaviour], {
    env: { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (let next = signals[0]; next && output.includes(next[0]); next = signals[0]) {
      child.kill(next[1]);
      signals.shift();
    }
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

const env = { MAGPIE_CALLER_SECRET: 'a secret long enough' };

/** A process takes a second of processor time to load, which others may be using. */
const PROCESS_MS = 30_000;

describe('runService', () => {
  it(
    'runs until SIGTERM and then stops in order',
    async () => {
      // Goal: exit code 0, with a line for each step. Real: the process.
      const { code, output } = await run('serve', env, [['"ready"', 'SIGTERM']]);
      expect(code).toBe(0);
      expect(output).toContain('"stopped"');
    },
    PROCESS_MS,
  );

  it(
    'stops in order also while it joins, when it may be serving already',
    async () => {
      // Goal: calls under way are answered and groups are left; nothing is cut because a part still waits for Kafka.
      const { code, output } = await run('join', env, [['joining', 'SIGTERM']]);
      expect(code).toBe(0);
      expect(output).toContain('"stopped"');
      expect(output).not.toContain('could not start');
    },
    PROCESS_MS,
  );

  it(
    'is ended at once by a second signal',
    async () => {
      // Goal: a component that never stops does not hold the operator up.
      const signals: [string, NodeJS.Signals][] = [
        ['"ready"', 'SIGINT'],
        ['"stopping"', 'SIGINT'],
      ];
      expect((await run('hang', env, signals)).code).toBe(1);
    },
    PROCESS_MS,
  );

  it(
    'says in one line why it could not start',
    async () => {
      // Goal: exit code 1 and one error line, for wrong settings and for a part that fails.
      const [settings, part] = await Promise.all([run('serve', {}), run('fail', env)]);
      expect([settings.code, part.code]).toEqual([1, 1]);
      expect(settings.output).toContain('MAGPIE_CALLER_SECRET is not set');
      expect(part.output).toContain('no luck');
      expect([settings, part].map(({ output }) => output.trim().split('\n').length)).toEqual([1, 1]);
    },
    PROCESS_MS,
  );

  it(
    'does not live on after an error that nobody caught',
    async () => {
      // Goal: an error line with its stack and exit code 1, so that it is started anew.
      const { code, output } = await run('throw-later', env);
      expect(code).toBe(1);
      expect(output).toContain('nobody caught me');
    },
    PROCESS_MS,
  );
});
