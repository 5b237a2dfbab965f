import type { BinaryWriter } from '@magpie/contracts';

/** A message's encoder and decoder, as ts-proto writes them. */
export interface Codec<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(bytes: Uint8Array): T;
}

/** The codec of a message whose type only the definition knows; `RequestOf` and `ResponseOf` find it. */
export interface AnyCodec {
  encode(message: never, writer?: BinaryWriter): BinaryWriter;
  decode(bytes: Uint8Array): unknown;
}

/** One rpc of a generic definition. */
export interface GenericMethod {
  readonly name: string;
  readonly requestType: AnyCodec;
  readonly requestStream: boolean;
  readonly responseType: AnyCodec;
  readonly responseStream: boolean;
}

/** A service as ts-proto's `generic-definitions` describes it, e.g. `auth.AuthServiceDefinition`. */
export interface GenericDefinition {
  readonly name: string;
  /** With the package, e.g. `magpie.auth.v1.AuthService`. */
  readonly fullName: string;
  readonly methods: Readonly<Record<string, GenericMethod>>;
}

type MessageOf<C> = C extends Codec<infer T> ? T : never;
type Methods<D extends GenericDefinition> = D['methods'];

/** The request message of a method. */
export type RequestOf<D extends GenericDefinition, K extends keyof D['methods']> = MessageOf<
  Methods<D>[K]['requestType']
>;
/** The response message of a method. */
export type ResponseOf<D extends GenericDefinition, K extends keyof D['methods']> = MessageOf<
  Methods<D>[K]['responseType']
>;

/** Names of the methods with one request and one response. */
export type UnaryNames<D extends GenericDefinition> = {
  [K in keyof D['methods']]: D['methods'][K] extends { requestStream: false; responseStream: false } ? K : never;
}[keyof D['methods']];

/** Names of the methods that stream both ways. */
export type DuplexNames<D extends GenericDefinition> = {
  [K in keyof D['methods']]: D['methods'][K] extends { requestStream: true; responseStream: true } ? K : never;
}[keyof D['methods']];

/** `package.Service/Method`, the key of the METHODS table. */
export function methodName(definition: GenericDefinition, method: GenericMethod): string {
  return `${definition.fullName}/${method.name}`;
}

/** The same bytes as a Buffer, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same bytes as a plain Uint8Array, so that `bytes` fields cut from it are plain too. */
export function asBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
