import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Snippet } from './lint-snippets.js';

const BOUNDARY = '@nx/enforce-module-boundaries: A project tagged with';
const CIRCLE = '@nx/enforce-module-boundaries: Circular dependency';
const BY_PATH = '@nx/enforce-module-boundaries: Projects cannot be imported by a relative';
const UNDECLARED = '@nx/enforce-module-boundaries: Only packages defined';
const DOMAIN_IMPORTS = '@typescript-eslint/no-restricted-imports';
const LINT_MS_MAX = 60_000;

/** [what the rule forbids, file, code, the start of what must be said; none = the code is allowed] */
type Case = [title: string, file: string, code: string, rule?: string];

const imports = (name: string) => `import * as it from '${name}';\nexport const seen = it;\n`;
const service = 'apps/auth/src';

const CASES: Case[] = [
  ['a lib that uses one below it', 'libs/domain/src/a.ts', imports('@magpie/contracts'), CIRCLE],
  ['contracts that use observability', 'libs/contracts/src/a.ts', imports('@magpie/observability'), BOUNDARY],
  ['mongo that uses grpc', 'libs/mongo/src/a.ts', imports('@magpie/grpc'), BOUNDARY],
  ['grpc that uses event-log', 'libs/grpc/src/a.ts', imports('@magpie/event-log'), BOUNDARY],
  ['event-log that uses wire', 'libs/event-log/src/a.ts', imports('@magpie/wire'), BOUNDARY],
  ['event-store that uses wire', 'libs/event-store/src/a.ts', imports('@magpie/wire'), BOUNDARY],
  ['service that uses wire', 'libs/service/src/a.ts', imports('@magpie/wire'), BOUNDARY],
  ['wire that uses mongo', 'libs/wire/src/a.ts', imports('@magpie/mongo'), BOUNDARY],
  ['sdk that uses grpc', 'libs/sdk/src/a.ts', imports('@magpie/grpc'), BOUNDARY],
  ['a lib that uses testing', 'libs/service/src/a.ts', imports('@magpie/testing'), CIRCLE],
  ['a lib that uses a service', 'libs/service/src/a.ts', imports('@magpie/auth'), CIRCLE],
  ['a service that uses another service', `${service}/a.ts`, imports('@magpie/messaging'), BOUNDARY],
  ['a service that uses the sdk', `${service}/a.ts`, imports('@magpie/sdk'), BOUNDARY],
  ['a service that uses testing in its sources', `${service}/a.ts`, imports('@magpie/testing'), BOUNDARY],
  ['all-in-one that uses a lib of services', 'apps/magpie/src/a.ts', imports('@magpie/mongo'), BOUNDARY],
  ['e2e that uses a service', 'apps/e2e/test/a.ts', imports('@magpie/auth'), BOUNDARY],
  ['tools that call services as services do', 'tools/a.ts', imports('@magpie/grpc'), BOUNDARY],
  ['another project by relative path', `${service}/a.ts`, imports('../../messaging/src/config.js'), BY_PATH],
  ['a package that nobody declared', `${service}/a.ts`, imports('lodash'), UNDECLARED],
  ['(allowed) a lib that uses one above it', 'libs/mongo/src/a.ts', imports('@magpie/observability')],
  ['(allowed) a service that uses testing in its tests', 'apps/auth/test/a.ts', imports('@magpie/testing')],
  ['a clock in the domain', `${service}/domain/a.ts`, 'export const now = () => Date.now();\n', 'no-restricted-syntax'],
  [
    'new Date() in the domain',
    `${service}/domain/a.ts`,
    'export const now = () => new Date();\n',
    'no-restricted-syntax',
  ],
  ['chance in the domain', `${service}/domain/a.ts`, 'export const dice = Math.random;\n', 'no-restricted-syntax'],
  [
    'waiting in the domain',
    `${service}/domain/a.ts`,
    'export const f = async (p: unknown) => await p;\n',
    'no-restricted-syntax',
  ],
  ['the process in the domain', `${service}/domain/a.ts`, 'export const pid = process.pid;\n', 'no-restricted-globals'],
  [
    'random bytes in lib domain',
    'libs/domain/src/a.ts',
    "import { randomBytes } from 'node:crypto';\nexport const r = randomBytes;\n",
    'no-restricted-imports',
  ],
  ['transport in the domain', `${service}/domain/a.ts`, imports('../api/auth.controller.js'), DOMAIN_IMPORTS],
  ['a codec in the domain', `${service}/domain/a.ts`, imports('@magpie/contracts'), DOMAIN_IMPORTS],
  [
    '(allowed) a shape of the contracts in the domain',
    `${service}/domain/a.ts`,
    "import type { auth } from '@magpie/contracts';\nexport type Device = auth.Device;\n",
  ],
  ['(allowed) an id in the domain', `${service}/domain/a.ts`, imports('@magpie/domain/ids')],
  [
    'the environment outside config.ts',
    `${service}/api/a.ts`,
    'export const home = process.env;\n',
    'no-restricted-properties',
  ],
  ['(allowed) the environment in config.ts', `${service}/config.ts`, 'export const home = process.env;\n'],
  [
    'a command that knows api/',
    `${service}/commands/a.ts`,
    imports('../api/auth.controller.js'),
    'no-restricted-imports',
  ],
  ['a query that knows gRPC', `${service}/queries/a.ts`, imports('@grpc/grpc-js'), 'no-restricted-imports'],
  ['a projection that knows HTTP', `${service}/projections/a.ts`, imports('node:http'), 'no-restricted-imports'],
  [
    'injection by type',
    `${service}/a.ts`,
    '@Injectable()\nexport class A { constructor(readonly b: B) {} }\n',
    'no-restricted-syntax',
  ],
  [
    '(allowed) injection by token',
    `${service}/a.ts`,
    '@Injectable()\nexport class A { constructor(@Inject(B) readonly b: B) {} }\n',
  ],
  [
    'a promise that nobody waits for',
    'libs/domain/src/index.ts',
    'Promise.resolve(1);\n',
    '@typescript-eslint/no-floating-promises',
  ],
  [
    'an async condition',
    'libs/domain/src/index.ts',
    'if (Promise.resolve(true)) throw new Error();\n',
    '@typescript-eslint/no-misused-promises',
  ],
  ['an unused variable', `${service}/a.ts`, 'const a = 1;\n', '@typescript-eslint/no-unused-vars'],
  ['any', `${service}/a.ts`, 'export const a = (b: any) => b;\n', '@typescript-eslint/no-explicit-any'],
  [
    'a silenced compiler',
    `${service}/a.ts`,
    '// @ts-ignore\nexport const a = 1;\n',
    '@typescript-eslint/ban-ts-comment',
  ],
  ['printing', `${service}/a.ts`, "console.log('a');\n", 'no-console'],
  ['printing from a script', 'tools/a.mjs', "console.log('a');\n", 'no-console'],
  ['loose equality', `${service}/a.ts`, 'export const a = (b: unknown) => b == 1;\n', 'eqeqeq'],
];

let said: string[][] = [];

beforeAll(() => {
  const snippets: Snippet[] = CASES.map(([, file, code, rule]) => ({
    file,
    code,
    needsTypes: rule?.includes('promises') ?? false,
  }));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL('./lint-snippets.js', import.meta.url))],
    {
      input: JSON.stringify(snippets),
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false', NX_TUI: 'false' },
      timeout: LINT_MS_MAX,
    },
  );
  if (status !== 0) throw new Error(stderr);
  said = JSON.parse(stdout) as string[][];
}, LINT_MS_MAX);

describe('the lint speaks, by its real configuration, about', () => {
  it.each(CASES.map(([title, , , rule], index) => ({ title, rule, index })))('$title', ({ rule, index }) => {
    const messages = said[index];
    if (rule === undefined) expect(messages).toEqual([]);
    else expect(messages).toContainEqual(expect.stringContaining(rule));
  });
});
