import { isCode, under, type Complaint, type Tree } from './tree.js';

const LIST = 'docs/dependencies.md';

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

const packageFile = (tree: Tree, path: string) => JSON.parse(tree.read(path)) as PackageFile;

/** Every dependency is pinned and has its line, with version and reason, in the list; and the list has no other. */
export function dependencies(tree: Tree): Complaint[] {
  const { dependencies, devDependencies, optionalDependencies, overrides } = packageFile(tree, 'package.json');
  const used = { ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides };
  const listed = Object.fromEntries(
    [...tree.read(LIST).matchAll(/^- `([^`]+)` (\S+): \S/gm)].map(([, name, version]) => [name!, version!]),
  );
  return [
    ...Object.entries(used).flatMap(([name, version]) => {
      if (!/^\d+\.\d+\.\d+$/.test(version)) return [`package.json: ${name} ${version} is not pinned`];
      return listed[name] === version ? [] : [`${LIST}: ${name} ${version} is not listed so`];
    }),
    ...Object.keys(listed).flatMap((name) => (name in used ? [] : [`${LIST}: ${name} is not a dependency`])),
  ];
}

/** Who imports a project says so in its package.json and its tsconfig.json: builds and lint follow these. */
export function workspaceImports(tree: Tree): Complaint[] {
  const projects = tree.files.flatMap((path) => /^((apps|libs)\/[^/]+|tools)\/package\.json$/.exec(path)?.[1] ?? []);
  return projects.flatMap((project) => {
    const declared = Object.keys(packageFile(tree, `${project}/package.json`).dependencies ?? {});
    const references = tree.read(`${project}/tsconfig.json`);
    const code = under(tree, project).filter((path) => isCode(path) && path.endsWith('.ts'));
    const imported = new Set(code.flatMap((path) => importsOf(tree.read(path))));
    return [...imported].flatMap((name) => {
      const own = `@magpie/${project.split('/').at(-1)}`;
      if (name === own) return [];
      return [
        ...(declared.includes(name) ? [] : [`${project}/package.json: ${name} is not declared`]),
        ...(new RegExp(`/${name.slice('@magpie/'.length)}"`).test(references)
          ? []
          : [`${project}/tsconfig.json: no reference to ${name}`]),
      ];
    });
  });
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(@magpie\/[\w-]+)/gm)].map((match) => match[1]!);
}

/** Every project is built and tested with the whole. */
export function projects(tree: Tree): Complaint[] {
  const references = tree.read('tsconfig.json');
  return tree.files.flatMap((path) => {
    const project = /^((apps|libs)\/[^/]+)\/package\.json$/.exec(path)?.[1];
    if (project === undefined) return [];
    return [
      ...(references.includes(`"${project}"`) ? [] : [`tsconfig.json: ${project} is not built`]),
      ...(tree.files.includes(`${project}/jest.config.mjs`) ? [] : [`${project}: has no jest.config.mjs`]),
    ];
  });
}
