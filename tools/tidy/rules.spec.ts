import { citations } from './citations.js';
import { events, topics } from './contracts.js';
import { emptyNames, leftovers, LINES_MAX, tooLong, traces } from './files.js';
import { links } from './links.js';
import { dependencies, projects, workspaceImports } from './packages.js';
import { readmes, rooms } from './services.js';
import { treeOf, type Complaint, type Tree } from './tree.js';

const HEADINGS = ['Owns', 'RPCs', 'Events out', 'Listens to', 'Views', 'Settings', 'Limits'];
const readme = (sections: Partial<Record<string, string>>) =>
  HEADINGS.map((heading) => `## ${heading}\n\n${sections[heading] ?? 'None.'}\n`).join('\n');

/** A small repository that breaks no rule. */
const GOOD: Readonly<Record<string, string>> = {
  'package.json': '{ "dependencies": { "pino": "1.2.3" } }',
  'tsconfig.json': '{ "references": [{ "path": "apps/auth" }, { "path": "libs/domain" }] }',
  'docs/dependencies.md': '# Dependencies\n\n- `pino` 1.2.3: log lines.\n\nSee [auth](../apps/auth/README.md#views).\n',
  'docs/design/protocol.md': '# Protocol\n\n## 1. The frame\n\n1. Sixteen bytes.\n2. A body.\n',
  'libs/domain/src/frame.ts': '/** See protocol.md §1.1–1.2, "The frame". */',
  'libs/domain/package.json': '{}',
  'libs/domain/tsconfig.json': '{}',
  'libs/domain/jest.config.mjs': '',
  'libs/contracts/src/events.ts': "'magpie.auth.v1.SessionOpened': SessionOpened,\n",
  'libs/contracts/src/topics.ts': "export const TOPICS = {\n  'auth.session.v1': outbox('hot'),\n};\n",
  'libs/contracts/samples/magpie.auth.v1.SessionOpened.json': '{}',
  'libs/contracts/proto/magpie/auth/v1/auth_service.proto':
    'service A {\n  rpc Login(LoginRequest) returns (L) {}\n}\n',
  'apps/auth/package.json': '{ "dependencies": { "@magpie/domain": "*" }, "nx": { "tags": ["app:service"] } }',
  'apps/auth/tsconfig.json': '{ "references": [{ "path": "../../libs/domain" }] }',
  'apps/auth/jest.config.mjs': '',
  'apps/auth/src/config.ts': 'AUTH_TTL_MS: z.coerce.number()',
  'apps/auth/src/publish.ts':
    "import { DomainError } from '@magpie/domain';\nexport const SessionOpened = DomainError;\n",
  'apps/auth/README.md': readme({
    RPCs: '| rpc | who |\n|---|---|\n| `Login` | clients |\n',
    'Events out': '`magpie.auth.v1.SessionOpened`',
    Settings: '| name | meaning |\n|---|---|\n| `AUTH_TTL_MS` | life of a token |\n',
  }),
};

type Rule = (tree: Tree) => Complaint[];
/** [rule, file, what it holds (undefined: it is missing), part of the complaint] */
type Case = [rule: Rule, file: string, content: string | undefined, complaint: string];

const auth = (sections: Partial<Record<string, string>>) =>
  readme({
    RPCs: '| a |\n|-|\n| Login |\n',
    'Events out': '`magpie.auth.v1.SessionOpened`',
    Settings: 'AUTH_TTL_MS',
    ...sections,
  });

const CASES: Case[] = [
  [tooLong, 'libs/a.ts', 'a;\n'.repeat(LINES_MAX + 1), 'at most'],
  [emptyNames, 'libs/a/src/utils/a.ts', '', 'utils says nothing'],
  [emptyNames, 'libs/a/src/helpers.spec.ts', '', 'says nothing'],
  [leftovers, 'libs/a.spec.ts', "it.only('a', f);", 'runs alone'],
  [leftovers, 'libs/a.ts', '// TODO: b', 'left for later'],
  [leftovers, 'libs/a.ts', 'console.log(1)', 'printing'],
  [leftovers, 'libs/a.ts', '// eslint-disable-next-line', 'silenced'],
  [leftovers, 'libs/a.ts', '// @ts-ignore', 'silenced'],
  [traces, 'libs/a.ts', "const file = '/home/me/a';", 'one machine'],
  [traces, 'a.json', `"https://${'registry'}.example.org/a"`, 'registry'],
  [rooms, 'apps/auth/src/services/a.ts', '', 'no room services'],
  [rooms, 'apps/auth/src/clock.ts', '', 'belongs into a room'],
  [readmes, 'apps/auth/README.md', undefined, 'missing'],
  [readmes, 'apps/auth/README.md', '## Owns\n', 'headings are Owns'],
  [readmes, 'apps/auth/README.md', auth({ RPCs: 'None.' }), 'Login is missing'],
  [readmes, 'apps/auth/README.md', auth({ RPCs: '| a |\n|-|\n| Login |\n| Logout |\n' }), 'no Logout'],
  [readmes, 'apps/auth/README.md', auth({ Settings: 'None.' }), 'AUTH_TTL_MS is missing'],
  [readmes, 'apps/auth/README.md', auth({ Settings: 'AUTH_TTL_MS AUTH_OLD_MS' }), 'no AUTH_OLD_MS'],
  [readmes, 'apps/auth/README.md', auth({ 'Events out': 'None.' }), 'SessionOpened is missing'],
  [events, 'libs/contracts/samples/magpie.auth.v1.SessionOpened.json', undefined, 'no sample'],
  [events, 'apps/auth/src/publish.ts', '', 'nothing in apps/auth makes'],
  [topics, 'libs/contracts/src/topics.ts', "  'audit.entry.v1': outbox('hot'),\n", 'no service owns'],
  [topics, 'libs/contracts/src/topics.ts', "  'auth.session': outbox('hot'),\n", 'is not <service>'],
  [dependencies, 'package.json', '{ "dependencies": { "pino": "^1.2.3" } }', 'not pinned'],
  [dependencies, 'package.json', '{ "dependencies": { "pino": "1.2.4" } }', 'not listed so'],
  [dependencies, 'package.json', '{}', 'pino is not a dependency'],
  [workspaceImports, 'apps/auth/package.json', '{ "nx": { "tags": ["app:service"] } }', 'not declared'],
  [workspaceImports, 'apps/auth/tsconfig.json', '{}', 'no reference'],
  [projects, 'tsconfig.json', '{ "references": [{ "path": "apps/auth" }] }', 'libs/domain is not built'],
  [projects, 'libs/domain/jest.config.mjs', undefined, 'no jest.config.mjs'],
  [citations, 'libs/a.ts', '// machinery.md §1.1', 'machinery.md is missing'],
  [citations, 'libs/a.ts', '// protocol.md §1.1, §1.3', 'has no §1.3'],
  [citations, 'libs/a.ts', '// protocol.md, "Sending"', 'has no "Sending"'],
  [links, 'README.md', '[a](docs/none.md)', 'leads nowhere'],
  [links, 'README.md', '[a](docs/dependencies.md#none)', 'no such heading'],
];

describe('the style guide', () => {
  it('has no complaint about a good repository', () => {
    for (const rule of new Set(CASES.map(([rule]) => rule))) expect(rule(treeOf(GOOD))).toEqual([]);
  });

  it.each(CASES.map(([rule, file, content, complaint]) => ({ rule, name: rule.name, file, content, complaint })))(
    '$name: $file, $complaint',
    ({ rule, file, content, complaint }) => {
      const { [file]: _replaced, ...others } = GOOD;
      const tree = treeOf(content === undefined ? others : { ...others, [file]: content });
      expect(rule(tree)).toEqual([expect.stringContaining(complaint)]);
    },
  );
});
