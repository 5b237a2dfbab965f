/** A protobuf codec of the fields a client needs, whose values are those of the canonical JSON mapping. */

/** int64 is a decimal string and bytes are base64 in JSON; an enum is the list of its names by number. */
export type FieldType =
  'string' | 'int32' | 'int64' | 'bool' | 'bytes' | { readonly names: readonly string[] } | Schema;
export interface Field {
  readonly number: number;
  readonly type: FieldType;
  readonly repeated?: true;
}
/** Fields of a message by their lowerCamel name. */
export interface Schema {
  readonly fields: Readonly<Record<string, Field>>;
}
export type Json = Record<string, unknown>;

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

export function encode(schema: Schema, value: Json): Buffer {
  const parts: Buffer[] = [];
  for (const [name, content] of Object.entries(value)) {
    const field = schema.fields[name];
    if (field === undefined) throw new Error(`no field ${name}`);
    for (const one of field.repeated ? (content as unknown[]) : [content]) {
      const [wireType, bytes] = encodeOne(field.type, one);
      parts.push(varint(BigInt(field.number * 8 + wireType)), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** Fields that the schema does not know are skipped, as every client must. */
export function decode(schema: Schema, bytes: Buffer): Json {
  const names = new Map(Object.entries(schema.fields).map(([name, field]) => [field.number, { name, ...field }]));
  const value: Json = {};
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    const raw = reader.value(tag % 8);
    const field = names.get(Math.floor(tag / 8));
    if (field === undefined) continue;
    const one = decodeOne(field.type, raw);
    if (field.repeated) value[field.name] = [...((value[field.name] as unknown[] | undefined) ?? []), one];
    else value[field.name] = one;
  }
  return value;
}

/** The same JSON without fields that hold their default, after checking that every value has its canonical form. */
export function canonical(schema: Schema, json: Json, at = ''): Json {
  const out: Json = {};
  for (const [name, content] of Object.entries(json)) {
    const field = schema.fields[name];
    if (field === undefined) continue;
    const list = field.repeated ? (content as unknown[]) : [content];
    const checked = list.map((one) => checkedValue(field.type, one, `${at}${name}`));
    if (field.repeated ? checked.length > 0 : !isDefault(field.type, content)) {
      out[name] = field.repeated ? checked : checked[0];
    }
  }
  return out;
}

function checkedValue(type: FieldType, value: unknown, at: string): unknown {
  if (typeof type === 'object' && 'fields' in type) return canonical(type, value as Json, `${at}.`);
  const wanted = type === 'int32' ? 'number' : type === 'bool' ? 'boolean' : 'string';
  if (typeof value !== wanted) throw new Error(`${at}: a ${wanted} is expected, not ${JSON.stringify(value)}`);
  if (type === 'int64' && !/^-?\d+$/.test(value as string)) throw new Error(`${at}: not an int64`);
  return value;
}

function isDefault(type: FieldType, value: unknown): boolean {
  if (typeof type === 'object') return 'names' in type && value === type.names[0];
  return value === '' || value === 0 || value === false || (type === 'int64' && value === '0');
}

function encodeOne(type: FieldType, value: unknown): [wireType: number, bytes: Buffer] {
  if (type === 'string') return [DELIMITED, delimited(Buffer.from(value as string, 'utf8'))];
  if (type === 'bytes') return [DELIMITED, delimited(Buffer.from(value as string, 'base64'))];
  if (type === 'bool') return [VARINT, varint(value ? 1n : 0n)];
  if (type === 'int32' || type === 'int64') return [VARINT, varint(BigInt(value as string | number))];
  if ('names' in type) return [VARINT, varint(BigInt(type.names.indexOf(value as string)))];
  return [DELIMITED, delimited(encode(type, value as Json))];
}

function decodeOne(type: FieldType, raw: Buffer | bigint): unknown {
  if (typeof raw === 'bigint') {
    if (type === 'bool') return raw !== 0n;
    if (type === 'int64') return BigInt.asIntN(64, raw).toString();
    if (type === 'int32') return Number(BigInt.asIntN(32, raw));
    if (typeof type === 'object' && 'names' in type) return type.names[Number(raw)] ?? Number(raw);
  } else {
    if (type === 'string') return raw.toString('utf8');
    if (type === 'bytes') return raw.toString('base64');
    if (typeof type === 'object' && 'fields' in type) return decode(type, raw);
  }
  throw new Error('wire type does not fit the field');
}

const delimited = (bytes: Buffer) => Buffer.concat([varint(BigInt(bytes.length)), bytes]);

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes.readUInt8(this.at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error('varint of more than 10 bytes');
  }

  value(wireType: number): Buffer | bigint {
    if (wireType === VARINT) return this.varint();
    if (wireType === DELIMITED) return this.take(Number(this.varint()));
    if (wireType === FIXED64) return this.take(8);
    if (wireType === FIXED32) return this.take(4);
    throw new Error(`wire type ${wireType}`);
  }

  private take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new Error('message ends within a field');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
