import { COMMANDS } from '@magpie/contracts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageOf } from './protos.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

// Goal: who writes a client from the page writes it for this server. Real: the protos, compiled.
describe('docs/client-contract.md', () => {
  let page: string;

  beforeAll(async () => {
    page = await pageOf(repository);
  });

  it('is what the protos say (npm run contract writes it)', async () => {
    expect(await readFile(join(repository, 'docs/client-contract.md'), 'utf8')).toBe(page);
  });

  it('has every command with its number and name', () => {
    expect(COMMANDS.size).toBeGreaterThan(10);
    const missing = [...COMMANDS.values()].filter(({ id, name }) => !page.includes(`| ${id} | \`${name}\` |`));
    expect(missing).toEqual([]);
  });

  it('shows what commands lead to, with the words that stand above it, and nothing that is for services', () => {
    expect(page).toContain('// What one user has of another.');
    expect(page).toMatch(/message Voice \{\n {2}string media_id = 1;/);
    expect(page).not.toContain('message FindAccountsRequest');
    expect(page).not.toContain('message InboxEntry');
  });
});
