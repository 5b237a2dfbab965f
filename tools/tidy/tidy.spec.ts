import { fileURLToPath } from 'node:url';
import { citations } from './citations.js';
import { events, topics } from './contracts.js';
import { emptyNames, leftovers, tooLong, traces } from './files.js';
import { links } from './links.js';
import { dependencies, projects, workspaceImports } from './packages.js';
import { readmes, rooms } from './services.js';
import { repositoryTree } from './tree.js';

// Goal: the repository is as the style guide wants it. Real: every file that is not generated, built or installed.
describe('the repository', () => {
  const tree = repositoryTree(fileURLToPath(new URL('../../../', import.meta.url)));

  it.each([
    ['has no file that is too long to read', tooLong],
    ['has no name that says nothing', emptyNames],
    ['has nothing left over', leftovers],
    ['has no trace of a machine or registry', traces],
    ['has the same rooms in every service', rooms],
    ['describes every service as it is', readmes],
    ['has a sample and a maker of every public event', events],
    ['has an owner of every topic', topics],
    ['justifies every dependency, and pins it', dependencies],
    ['declares what its projects import', workspaceImports],
    ['builds and tests every project', projects],
    ['has links that lead somewhere', links],
    ['cites sections of the design that are there', citations],
  ])('%s', (_title, rule) => {
    expect(rule(tree)).toEqual([]);
  });
});
