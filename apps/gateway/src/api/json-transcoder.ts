import { fromBinary, fromJsonString, toBinary, toJsonString, type DescMessage } from '@bufbuild/protobuf';
import { isFieldError } from '@bufbuild/protobuf/reflect';
import { DomainError, invalid } from '@magpie/domain';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Canonical proto JSON → protobuf. INVALID names the field that is unknown or has the wrong type. */
export function jsonToProtobuf(schema: DescMessage, json: Uint8Array): Uint8Array {
  const text = decodeText(json);
  try {
    return toBinary(schema, fromJsonString(schema, text));
  } catch (error) {
    throw explain(error);
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
function explain(error: unknown): DomainError {
  if (!(error instanceof Error)) return invalid('body', String(error));
  if (isFieldError(error.cause)) return invalid(error.cause.field().name, error.cause.message);
  const unknown = /key "(.*)" is unknown$/s.exec(error.message);
  if (unknown) return invalid(unknown[1]!, 'there is no such field');
  const duplicate = /duplicate object key "(.*)"$/s.exec(error.message);
  if (duplicate) return invalid(duplicate[1]!, 'it is given twice');
  return invalid('body', error.message);
}
