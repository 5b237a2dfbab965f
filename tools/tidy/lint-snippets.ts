/** Lints the snippets given as JSON on stdin with the real configuration; prints, for each, what was said about it (`rule: message`). */
import { ESLint } from 'eslint';
import { createProjectGraphAsync } from 'nx/src/devkit-exports.js';
import { text } from 'node:stream/consumers';

/** A piece of code as if it stood in that file. */
export interface Snippet {
  /** From the root of the repository. Only snippets that need types must name a file that exists. */
  readonly file: string;
  readonly code: string;
  readonly needsTypes?: boolean;
}

const root = new URL('../../../', import.meta.url).pathname;
const typedRules = ['@typescript-eslint/no-floating-promises', '@typescript-eslint/no-misused-promises'];

// The boundary rule reads the project graph that Nx has left on disk and keeps silent without one.
await createProjectGraphAsync();
const typed = new ESLint({ cwd: root });
const untyped = new ESLint({
  cwd: root,
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: false } },
    rules: Object.fromEntries(typedRules.map((rule) => [rule, 'off'])),
  },
});

const snippets = JSON.parse(await text(process.stdin)) as Snippet[];
const broken: string[][] = [];
for (const { file, code, needsTypes } of snippets) {
  const [result] = await (needsTypes ? typed : untyped).lintText(code, { filePath: root + file });
  broken.push(result?.messages.map((m) => `${m.ruleId}: ${m.message}`) ?? ['not linted']);
}
process.stdout.write(JSON.stringify(broken));
process.exit(0);
