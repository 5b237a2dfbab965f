import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Feed_Rendering } from './event.js';

/**
 * Protobuf messages may be put together from parts: the bytes of distinct fields, one after another, are the message.
 * Feeds use that to write position, time and a reader's own fields behind a body that nobody decodes.
 */
export function appendFields(...parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One int64 field, encoded; nothing for 0, as proto3 has it. */
export function int64Field(field: number, value: number): Uint8Array {
  if (value === 0) return new Uint8Array(0);
  return new BinaryWriter().tag(field, WireType.Varint).int64(value).finish();
}

/** The body as one user sees it: the common fields and those of the renderings that name the user, or nobody. */
export function renderFor(userId: string, body: Uint8Array, renderings: readonly Feed_Rendering[]): Uint8Array {
  const own = renderings.filter(({ users }) => users.length === 0 || users.includes(userId)).map(({ body }) => body);
  return own.length === 0 ? body : appendFields(body, ...own);
}
