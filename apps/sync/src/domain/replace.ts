import type { NewRow } from './entry.js';

/** The same rows, with what the later ones among them put in the place of the earlier ones. */
export function replacedIn(rows: readonly NewRow[]): readonly NewRow[] {
  const replacing = rows.filter(({ replacement }) => replacement !== undefined);
  if (replacing.length === 0) return rows;
  const replacements = new Map(
    replacing.map(({ source, replacement }) => [placeOf(source, replacement!.sourcePosition), replacement!]),
  );
  return rows.map((row) => {
    const replacement = replacements.get(placeOf(row.source, row.sourcePosition));
    if (replacement === undefined) return row;
    const { body, renderings } = replacement;
    return { ...row, body, renderings };
  });
}

function placeOf(source: number, position: number): string {
  return `${source}/${position}`;
}
