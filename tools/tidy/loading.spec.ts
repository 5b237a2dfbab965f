import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LOAD_MS_MAX = 60_000;

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

/** Imports each entry by itself and prints the error of each that fails; one process, since most is loaded by all. */
const LOAD = `
const errors = {};
for (const entry of ${JSON.stringify(ENTRIES)}) {
  await import(entry).catch((error) => (errors[entry] = error.message));
}
process.stdout.write(JSON.stringify(errors), () => process.exit(0));
`;

// Goal: what is compiled also loads. Real: plain Node. Jest finds names in old-style modules that Node does not find.
describe('plain Node loads', () => {
  let errors: Readonly<Record<string, string>>;

  beforeAll(() => {
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', LOAD], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    });
    errors = JSON.parse(output) as Record<string, string>;
  }, LOAD_MS_MAX);

  it.each(ENTRIES)('%s', (entry) => {
    expect(errors[entry]).toBeUndefined();
  });
});
