import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of the repository, or a few made up for a spec; paths from the root with `/`. */
export interface Tree {
  readonly files: readonly string[];
  read(path: string): string;
}

/** One thing that is not as the style guide wants it, with the file that it is in. */
export type Complaint = string;

const MADE = new Set(['node_modules', 'dist', 'generated', '.git', '.nx', '.cache', '.data', 'bench-results']);

/** Everything below a folder that people wrote: without what is installed, generated or built. */
export function repositoryTree(root: string): Tree {
  const files: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !MADE.has(entry.name)) walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk('');
  return { files: files.sort(), read: (path) => readFileSync(join(root, path), 'utf8') };
}

/** A tree of these contents by path. */
export function treeOf(contents: Readonly<Record<string, string>>): Tree {
  return {
    files: Object.keys(contents).sort(),
    read: (path) => {
      const content = contents[path];
      if (content === undefined) throw new Error(`no file ${path}`);
      return content;
    },
  };
}

export const isCode = (path: string): boolean => /^(apps|libs|tools)\/.*\.(ts|mjs)$/.test(path);

/** Files of a folder, recursively. */
export const under = (tree: Tree, folder: string): string[] =>
  tree.files.filter((path) => path.startsWith(`${folder}/`));

/** Names of the projects in `apps` that are services, by their tag. */
export function servicesOf(tree: Tree): string[] {
  return tree.files.flatMap((path) => {
    const name = /^apps\/([^/]+)\/package\.json$/.exec(path)?.[1];
    return name !== undefined && tree.read(path).includes('"app:service"') ? [name] : [];
  });
}
