import { hash } from 'node:crypto';

/** First letter of an id: what it names (client-contract.md, "Ids"). */
export type IdPrefix = 'u' | 'g' | 'a' | 'm' | 's' | 'f' | 'p' | 'r';

export const ID_LENGTH_MAX = 40;
const DIGEST_CHARACTERS = 26;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * An id that is a function of its parts, so that a retried create makes one thing: prefix + 26 characters of
 * base32(sha256(parts)). Parts are joined by a byte that none of them may hold (NUL).
 */
export function deriveId(prefix: IdPrefix, ...parts: readonly (string | number)[]): string {
  const digest = hash('sha256', parts.join('\0'), 'buffer');
  return prefix + base32(digest, DIGEST_CHARACTERS);
}

/** Whether a text has the form of an id with this prefix. */
export function isIdOf(prefix: IdPrefix, text: string): boolean {
  return text.length <= ID_LENGTH_MAX && text.startsWith(prefix) && /^[a-z][a-z0-9]+$/.test(text);
}

/** RFC 4648 base32 in lower case without padding, cut to `length` characters. */
function base32(bytes: Uint8Array, length: number): string {
  let out = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5 && out.length < length) {
      bits -= 5;
      out += ALPHABET[(buffer >> bits) & 31];
    }
  }
  return out;
}

/** A command id for what one service does on behalf of a fact: the same fact, the same id. At most 64 ASCII. */
export function commandIdOf(...parts: readonly (string | number)[]): string {
  return deriveId('s', 'command', ...parts).slice(1);
}
