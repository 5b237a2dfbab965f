import { OWN } from './files.js';
import { isCode, type Complaint, type Tree } from './tree.js';

const FOLDER = 'docs/design/';
/** A document, and what of it is meant: sections (`§1.2, §3.4`, `§2.1–2.3`) or words in quotes. */
const CITATION = /\b(machinery|protocol|client-contract)\.md((?:,? (?:§[\d.]+(?:–[\d.]+)?|"[^"]+"))*)/g;

/** Comments of code and protos that cite a design document cite a section, or words, that it has. */
export function citations(tree: Tree): Complaint[] {
  const looked = tree.files.filter((path) => (isCode(path) || path.endsWith('.proto')) && !path.startsWith(OWN));
  return looked.flatMap((path) =>
    [...tree.read(path).matchAll(CITATION)].flatMap(([, name, places]) => {
      const document = `${FOLDER}${name}.md`;
      if (!tree.files.includes(document)) return [`${path}: ${document} is missing`];
      return missingIn(tree.read(document), places!).map((place) => `${path}: ${document} has no ${place}`);
    }),
  );
}

function missingIn(document: string, places: string): string[] {
  const numbers = [...places.matchAll(/\d+(?:\.\d+)?/g)].map(([number]) => number);
  const words = [...places.matchAll(/"([^"]+)"/g)].map(([, quoted]) => quoted!);
  const known = sectionsOf(document);
  return [
    ...numbers.filter((number) => !known.has(number)).map((number) => `§${number}`),
    ...words.filter((quoted) => !document.toLowerCase().includes(quoted.toLowerCase())).map((quoted) => `"${quoted}"`),
  ];
}

/** `3` for a heading `## 3. …`, `3.2` for the second point below it. */
function sectionsOf(document: string): Set<string> {
  const sections = new Set<string>();
  let section = '';
  for (const line of document.split('\n')) {
    const heading = /^## (\d+)\./.exec(line)?.[1];
    const point = /^(\d+)\. /.exec(line)?.[1];
    if (line.startsWith('## ')) section = heading ?? '';
    if (heading !== undefined) sections.add(heading);
    if (point !== undefined && section !== '') sections.add(`${section}.${point}`);
  }
  return sections;
}
