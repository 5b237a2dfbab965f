import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Libraries in strict order: each may use only those before it. */
const LIBS = ['domain', 'contracts', 'observability', 'mongo', 'grpc', 'event-log', 'event-store', 'service'];
/** Client-side libraries stand on the contracts alone; testing stands on everything. */
const BESIDE = { wire: ['domain', 'contracts'], sdk: ['domain', 'contracts', 'wire'] };

const tagged = (libs) => libs.map((lib) => `lib:${lib}`);
const constraint = (sourceTag, tags) => ({ sourceTag, onlyDependOnLibsWithTags: tags });

const libConstraints = [
  ...LIBS.map((lib, index) => constraint(`lib:${lib}`, tagged(LIBS.slice(0, index)))),
  ...Object.entries(BESIDE).map(([lib, uses]) => constraint(`lib:${lib}`, tagged(uses))),
  constraint('lib:testing', tagged([...LIBS, 'wire', 'sdk'])),
];
const appConstraints = (serviceMayUse) => [
  constraint('app:service', tagged(serviceMayUse)),
  constraint('app:magpie', ['app:service', 'lib:service']),
  constraint('app:e2e', tagged(['domain', 'contracts', 'wire', 'sdk', 'testing'])),
  constraint(
    'app:tools',
    tagged(['domain', 'contracts', 'observability', 'mongo', 'event-log', 'event-store', 'wire', 'sdk', 'testing']),
  ),
];

const boundaries = (serviceMayUse) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      allow: [],
      banTransitiveDependencies: true,
      depConstraints: [...libConstraints, ...appConstraints(serviceMayUse)],
    },
  ],
});

/** What a decider may not touch: time, chance, waiting and the process come in with the command. */
const impure = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'Time comes in with the command.',
  },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time comes in with the command.' },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Chance comes in with the command.',
  },
  { selector: 'AwaitExpression', message: 'A decider does not wait.' },
];
const impureGlobals = ['process', 'performance', 'crypto', 'fetch', 'setTimeout', 'setInterval', 'setImmediate'];

const injectedByToken = (parameter) => ({
  selector:
    `ClassDeclaration:has(> Decorator[expression.callee.name='Injectable']) > ClassBody > ` +
    `MethodDefinition[kind='constructor'] > FunctionExpression > ${parameter}:not(:has(> Decorator[expression.callee.name='Inject']))`,
  message: 'Inject explicitly: @Inject(TOKEN). No decorator metadata is emitted.',
});

export default [
  { ignores: ['**/dist', '**/generated', '**/.cache', '**/.data'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin },
    rules: {
      ...boundaries([...LIBS, 'wire']),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      'no-restricted-syntax': ['error', injectedByToken('TSParameterProperty'), injectedByToken('Identifier')],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.mjs'], rules: { 'no-console': 'error', 'no-unused-vars': 'error', eqeqeq: 'error' } },
  {
    // Test folders of services may use the real servers, the fault proxy and the delivery checker.
    files: ['apps/*/test/**/*.ts'],
    rules: boundaries([...LIBS, 'wire', 'testing']),
  },
  {
    // One file of a service reads the environment, so that its settings table can be complete.
    files: ['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'],
    ignores: ['**/config.ts', '**/*.spec.ts', 'libs/service/**', 'libs/testing/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config.ts reads the environment.' },
      ],
    },
  },
  {
    files: ['apps/*/src/domain/**/*.ts', 'libs/domain/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...impure],
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:crypto', allowImportNames: ['hash'], message: 'Chance comes in with the command.' },
            { name: 'node:process', message: 'The process is not part of the domain.' },
          ],
        },
      ],
    },
  },
  {
    // Shapes of the contracts may be named in a decider, their codecs may not.
    files: ['apps/*/src/domain/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!\\./|@magpie/domain(/ids)?$|@magpie/contracts$)',
              message: 'domain/ imports only itself and @magpie/domain.',
            },
            { regex: '^@magpie/contracts$', allowTypeImports: true, message: 'Only types of the contracts.' },
          ],
        },
      ],
    },
  },
  {
    files: ['apps/*/src/{commands,queries,projections}/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '/api/', message: 'api/ calls commands and queries, never the other way.' },
            {
              regex: '^(@grpc/|ws$|node:(http|https|http2|net|tls)$)',
              message: 'Commands, queries and projections know no transport.',
            },
            // Who calls is named by a type of the transport lib.
            { regex: '^@magpie/grpc$', allowTypeImports: true, message: 'Only the type of the caller.' },
          ],
        },
      ],
    },
  },
];
