import {
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescMessage,
  type JsonValue,
} from '@bufbuild/protobuf';
import { isFieldError } from '@bufbuild/protobuf/reflect';
import { invalid, type DomainError } from '@magpie/domain';
import { faultPath } from './json-fault.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Canonical proto JSON → protobuf. INVALID names the field that is unknown or has the wrong type. */
export function jsonToProtobuf(schema: DescMessage, json: Uint8Array): Uint8Array {
  const text = decodeText(json);
  try {
    return toBinary(schema, fromJsonString(schema, text));
  } catch (error) {
    throw explain(error, schema, text);
  }
}

/** Protobuf → canonical proto JSON. Throws on bytes that are not such a message. */
export function protobufToJson(schema: DescMessage, body: Uint8Array): Uint8Array {
  return encoder.encode(toJsonString(schema, fromBinary(schema, body)));
}

function decodeText(json: Uint8Array): string {
  try {
    return utf8.decode(json);
  } catch {
    throw invalid('body', 'it is not UTF-8');
  }
}

/** The library's words, with the field in the place where a client looks for it. */
function explain(error: unknown, schema: DescMessage, text: string): DomainError {
  const { leaf, reason } = wordsOf(error);
  return invalid(pathOf(schema, text, leaf) || 'body', reason);
}

function wordsOf(error: unknown): { leaf: string; reason: string } {
  if (!(error instanceof Error)) return { leaf: '', reason: String(error) };
  if (isFieldError(error.cause)) return { leaf: error.cause.field().name, reason: error.cause.message };
  const unknown = /key "(.*)" is unknown$/s.exec(error.message);
  if (unknown) return { leaf: unknown[1]!, reason: 'there is no such field' };
  const duplicate = /duplicate object key "(.*)"$/s.exec(error.message);
  if (duplicate) return { leaf: duplicate[1]!, reason: 'it is given twice' };
  return { leaf: '', reason: error.message };
}

function pathOf(schema: DescMessage, text: string, leaf: string): string {
  try {
    return faultPath(schema, JSON.parse(text) as JsonValue, leaf);
  } catch {
    return leaf;
  }
}
