import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArmedFault } from '@magpie/observability';
import { eventually } from './database.js';

const WAIT_MS = 10_000;

/** `victim.ts` as a process of its own, from its start to its end. */
export class VictimProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'magpie-crash-'));
  readonly child: ChildProcess;
  #rounds = 0;

  constructor(role: string, database: string, fault: ArmedFault) {
    writeFileSync(this.#file, JSON.stringify(fault));
    const main = fileURLToPath(new URL('victim.js', import.meta.url));
    const options = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } };
    this.child = fork(main, [role, database, this.#file], options);
    this.child.on('message', () => this.#rounds++);
  }

  /** Resolves when its fault has struck. */
  async struck(): Promise<void> {
    await eventually(() => expect(existsSync(`${this.#file}.done`)).toBe(true), WAIT_MS);
  }

  /** Wakes it up and resolves when it has done what it was about to: that comes before its next round. */
  async wake(): Promise<void> {
    const asleep = this.#rounds;
    this.child.kill('SIGCONT');
    // The first may have begun before it froze.
    await eventually(() => expect(this.#rounds).toBeGreaterThan(asleep + 2), WAIT_MS);
  }

  end(): void {
    this.child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'fault.json');
  }
}
