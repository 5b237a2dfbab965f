import { posix } from 'node:path';
import type { Complaint, Tree } from './tree.js';

/** Links in documents that lead to a file lead to one that exists, and to a heading that it has. */
export function links(tree: Tree): Complaint[] {
  const folders = new Set(tree.files.flatMap(parentsOf));
  return tree.files
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      const text = tree.read(path).replaceAll(/```.*?```/gs, '');
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
        if (/^[a-z]+:/.test(target!)) return [];
        const [file, heading] = target!.split('#') as [string, string | undefined];
        const goal = file === '' ? path : posix.join(posix.dirname(path), file).replace(/\/$/, '');
        if (!tree.files.includes(goal) && !folders.has(goal)) return [`${path}: ${target} leads nowhere`];
        if (heading === undefined || !goal.endsWith('.md')) return [];
        return headingsOf(tree.read(goal)).includes(heading) ? [] : [`${path}: ${target} has no such heading`];
      });
    });
}

function parentsOf(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}

/** Anchors as the common forges make them. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}
