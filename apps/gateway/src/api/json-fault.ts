import { fromJson, type DescField, type DescMessage, type JsonObject, type JsonValue } from '@bufbuild/protobuf';

/** The search goes no deeper: what lies below is named by where it begins. */
const DEPTH_MAX = 16;

/**
 * Where JSON that is no such message goes wrong, as `messages[0].client_time_ms`; the library names the field alone.
 * `leaf`: what to name where every field is right by itself. Takes as long as reading the JSON, once per level.
 */
export function faultPath(schema: DescMessage, json: JsonValue, leaf: string, depth = 0): string {
  if (!isObject(json) || depth === DEPTH_MAX) return '';
  const key = Object.keys(json).find((one) => !fits(schema, one, json[one]!));
  if (key === undefined) return leaf;
  const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
  if (field === undefined) return key;
  const { at, value } = placeIn(schema, field, key, json[key]!);
  const below = field.message === undefined ? '' : faultPath(field.message, value, leaf, depth + 1);
  return below === '' ? field.name + at : `${field.name}${at}.${below}`;
}

/** Which element of a list or map is wrong. */
function placeIn(
  schema: DescMessage,
  field: DescField,
  key: string,
  value: JsonValue,
): { at: string; value: JsonValue } {
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    const index = value.findIndex((element) => !fits(schema, key, [element]));
    if (index >= 0) return { at: `[${index}]`, value: value[index]! };
  }
  if (field.fieldKind === 'map' && isObject(value)) {
    const entry = Object.keys(value).find((one) => !fits(schema, key, { [one]: value[one]! }));
    if (entry !== undefined) return { at: `[${JSON.stringify(entry)}]`, value: value[entry]! };
  }
  return { at: '', value: field.fieldKind === 'message' ? value : null };
}

function fits(schema: DescMessage, key: string, value: JsonValue): boolean {
  try {
    fromJson(schema, { [key]: value });
    return true;
  } catch {
    return false;
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
