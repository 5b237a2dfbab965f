import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LOAD_MS_MAX = 30_000;

interface PackageFile {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** Everything that one project can import of another; magpie itself is left out, because loading it runs it. */
const ENTRIES = ['apps', 'libs']
  .flatMap((group) => readdirSync(`${root}${group}`).map((name) => `${root}${group}/${name}/package.json`))
  .map((path) => JSON.parse(readFileSync(path, 'utf8')) as PackageFile)
  .filter(({ name }) => name !== '@magpie/magpie')
  .flatMap(({ name, exports }) =>
    Object.keys(exports ?? {})
      .filter((key) => !key.endsWith('.json'))
      .map((key) => name + key.slice(1)),
  );

// Goal: what is compiled also loads. Real: plain Node. Jest finds names in old-style modules that Node does not find.
describe('plain Node loads', () => {
  it.each(ENTRIES)(
    '%s',
    (entry) => {
      const load = () =>
        execFileSync(
          process.execPath,
          ['--input-type=module', '--eval', `await import('${entry}'); process.exit(0);`],
          {
            cwd: root,
            env: { ...process.env, NODE_OPTIONS: '' },
            encoding: 'utf8',
            stdio: 'pipe',
          },
        );
      expect(load).not.toThrow();
    },
    LOAD_MS_MAX,
  );
});
