import { isCode, type Complaint, type Tree } from './tree.js';

export const LINES_MAX = 400;

const EMPTY_NAMES = /^(utils?|helpers?|common|core|base|shared|misc)$/;
const LEFTOVERS: readonly [RegExp, string][] = [
  [/\b(describe|it|test)\.only\b/, 'a spec that runs alone'],
  [/\b(FIXME|TODO|XXX)\b/, 'work left for later'],
  [/\bconsole\.\w+\(/, 'printing'],
  [/eslint-disable|@ts-(ignore|expect-error|nocheck)/, 'a silenced check'],
];
/** Specs and rules of this folder name what they look for. */
export const OWN = 'tools/tidy/';
/** Home and root folders of a machine; container images and manifests have such paths by right. */
const MACHINE_PATH = /(^|[\s"'`(=:])\/(work|root|home|Users)\/\w/m;
const REGISTRY = /https?:\/\/(registry|repo1?|files|deb|proxy)\.[\w-]+\.\w+/;
const TEXT = /\.(ts|mjs|js|json|jsonc|md|proto|ya?ml|xml|sha256|properties)$|(^|\/)(\.npmrc|\.gitignore|run)$/;

/** Files of code that are longer than anybody reads. */
export function tooLong(tree: Tree): Complaint[] {
  return tree.files.filter(isCode).flatMap((path) => {
    const lines = tree.read(path).trimEnd().split('\n').length;
    return lines > LINES_MAX ? [`${path}: ${lines} lines, at most ${LINES_MAX}`] : [];
  });
}

/** Files and folders whose name says nothing. */
export function emptyNames(tree: Tree): Complaint[] {
  return tree.files.flatMap((path) => {
    const empty = path.split('/').find((part) => EMPTY_NAMES.test(part.split('.')[0]!));
    return empty === undefined ? [] : [`${path}: ${empty} says nothing`];
  });
}

/** What is put in for a moment and must not stay. */
export function leftovers(tree: Tree): Complaint[] {
  const looked = tree.files.filter((path) => (isCode(path) || path.endsWith('.proto')) && !path.startsWith(OWN));
  return looked.flatMap((path) => {
    const text = tree.read(path);
    return LEFTOVERS.flatMap(([pattern, what]) => (pattern.test(text) ? [`${path}: ${what}`] : []));
  });
}

/** Traces of the machine that a file was written on, and addresses that belong into nobody's repository. */
export function traces(tree: Tree): Complaint[] {
  const looked = tree.files.filter((path) => TEXT.test(path) && !path.startsWith(OWN));
  return looked.flatMap((path) => {
    const text = tree.read(path);
    return [
      ...(!path.startsWith('deploy/') && MACHINE_PATH.test(text) ? [`${path}: a path of one machine`] : []),
      ...(REGISTRY.test(text) ? [`${path}: the address of a registry`] : []),
    ];
  });
}
