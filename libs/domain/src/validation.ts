import { DomainError, invalid } from './errors.js';

/** NFC text whose code points are counted; INVALID names the field and the bound. */
export function requireText(field: string, value: string, bounds: { min: number; max: number }): string {
  const text = value.normalize('NFC');
  const length = countCodePoints(text);
  if (length < bounds.min) throw invalid(field, `${length} characters, at least ${bounds.min}`);
  if (length > bounds.max) throw invalid(field, `${length} characters, at most ${bounds.max}`);
  return text;
}

/** Length of a text in Unicode code points, which is what limits of texts count. */
export function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Printable ASCII of a bounded length: ids and tokens that clients make. */
export function requireAscii(field: string, value: string, bounds: { min: number; max: number }): string {
  if (value.length < bounds.min) throw invalid(field, `${value.length} characters, at least ${bounds.min}`);
  if (value.length > bounds.max) throw invalid(field, `${value.length} characters, at most ${bounds.max}`);
  if (!/^[\x21-\x7e]*$/.test(value)) throw invalid(field, 'printable ASCII without spaces is expected');
  return value;
}

/** 3–32 of a–z 0–9 _ -, starting with a letter. */
export function requireUserName(field: string, value: string): string {
  if (!/^[a-z][a-z0-9_-]{2,31}$/.test(value)) {
    throw invalid(field, '3 to 32 of a-z, 0-9, _ and -, starting with a letter, are expected');
  }
  return value;
}

/** A list of a bounded length; too many are TOO_LARGE, too few INVALID. */
export function requireCount<T>(field: string, list: readonly T[], bounds: { min: number; max: number }): readonly T[] {
  if (list.length < bounds.min) throw invalid(field, `${list.length} entries, at least ${bounds.min}`);
  if (list.length > bounds.max) {
    const reason = `${list.length} entries, at most ${bounds.max}`;
    throw new DomainError('invalid', 'TOO_LARGE', `${field}: ${reason}`, { details: [{ field, reason }] });
  }
  return list;
}
