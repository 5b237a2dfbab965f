import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Edit } from './mistake.js';

const run = promisify(execFile);

const FILES_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const SCOPE = '@magpie';
/** Of no commit, yet a build begins with it. */
const GENERATED = ['libs/contracts/src/generated', 'libs/contracts/descriptor.binpb'];
/** Of what somebody is just writing into. */
const REMOVE_RETRIES = 5;
const PROJECTS = ['apps', 'libs'];

/** A copy of the repository in which mistakes are made, one after the other. */
export class Workshop {
  private constructor(
    readonly folder: string,
    private readonly interrupted: AbortSignal,
  ) {}

  /**
   * Copies what the repository tracks, and what was built of it; fetched modules and programs are shared. Rejects
   * with the reason of `interrupted` when that comes, as `with` does.
   */
  static async open(repository: string, interrupted: AbortSignal): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'magpie-mistakes-'));
    const workshop = new Workshop(folder, interrupted);
    try {
      const options = { cwd: repository, maxBuffer: FILES_OUTPUT_BYTES_MAX };
      const { stdout } = await run('git', ['ls-files', '-z'], options);
      const built = await builtIn(repository);
      for (const path of [...stdout.split('\0').filter((each) => each !== ''), ...GENERATED, ...built]) {
        interrupted.throwIfAborted();
        await cp(join(repository, path), join(folder, path), { recursive: true, preserveTimestamps: true });
      }
      await linkModules(repository, folder);
      await symlink(join(repository, '.cache'), join(folder, '.cache'));
      return workshop;
    } catch (error) {
      await workshop.close();
      throw error;
    }
  }

  /** Builds with the edits made, acts, and takes them out again. Throws when an edit does not fit, or the build fails. */
  async with<T>(edits: readonly Edit[], act: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, replace } of edits) {
        const text = await readFile(join(this.folder, file), 'utf8');
        if (!originals.has(file)) originals.set(file, text);
        const [before, after, ...more] = text.split(find);
        if (before === undefined || after === undefined || more.length > 0)
          throw new Error(`${file} has not once: ${find}`);
        await writeFile(join(this.folder, file), before + replace + after);
      }
      await this.build();
      return await act();
    } finally {
      for (const [file, text] of originals) await writeFile(join(this.folder, file), text);
    }
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });
  }

  private async build(): Promise<void> {
    const tsc = join(this.folder, 'node_modules/typescript/bin/tsc');
    try {
      await run(process.execPath, [tsc, '-b', '--pretty', 'false'], { cwd: this.folder, signal: this.interrupted });
    } catch (error) {
      this.interrupted.throwIfAborted();
      throw new Error(`it does not build:\n${(error as { stdout?: string }).stdout ?? String(error)}`, {
        cause: error,
      });
    }
  }
}

/** Folders of compiled files. */
async function builtIn(repository: string): Promise<string[]> {
  const names = await Promise.all(
    PROJECTS.map(async (group) => (await readdir(join(repository, group))).map((name) => join(group, name, 'dist'))),
  );
  return [...names.flat(), 'tools/dist'].filter((path) => existsSync(join(repository, path)));
}

/** Packages of the repository are those of the copy; all others are where they were. */
async function linkModules(repository: string, folder: string): Promise<void> {
  const [from, to] = [join(repository, 'node_modules'), join(folder, 'node_modules')];
  await mkdir(join(to, SCOPE), { recursive: true });
  for (const name of await readdir(from)) {
    if (name !== SCOPE) await symlink(join(from, name), join(to, name));
  }
  for (const name of await readdir(join(from, SCOPE))) {
    await cp(join(from, SCOPE, name), join(to, SCOPE, name), { verbatimSymlinks: true, recursive: true });
  }
}
