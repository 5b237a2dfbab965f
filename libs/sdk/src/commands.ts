import { METHODS, type CommandInfo, type MethodName } from '@magpie/contracts';
import { MagpieError } from './errors.js';

/** A method of a generated service definition, as far as the SDK looks at it. */
export interface AnyMethod {
  readonly name: string;
  readonly requestType: { fromPartial(partial: never): unknown; encode(message: never): { finish(): Uint8Array } };
  readonly responseType: { decode(body: Uint8Array): unknown };
}
/** A generated service definition, such as `social.SocialServiceDefinition`. */
export interface AnyService {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, AnyMethod>>;
}
export type RequestOf<M extends AnyMethod> = Parameters<M['requestType']['fromPartial']>[0];
export type ResponseOf<M extends AnyMethod> = ReturnType<M['responseType']['decode']>;

/** A client command with its codec bound to one request. */
export interface PreparedCall<Response> {
  readonly command: CommandInfo;
  readonly body: Uint8Array;
  decode(body: Uint8Array): Response;
}

/** Encodes a request of a client command; UNKNOWN_COMMAND for an rpc that is none. */
export function prepareCall<D extends AnyService, K extends keyof D['methods'] & string>(
  definition: D,
  method: K,
  request: RequestOf<D['methods'][K]>,
): PreparedCall<ResponseOf<D['methods'][K]>> {
  const { name, requestType, responseType } = definition.methods[method]!;
  const command = METHODS[`${definition.fullName}/${name}` as MethodName];
  if (command?.access !== 'CLIENT') throw new MagpieError('UNKNOWN_COMMAND', `${name} is not a client command`);
  return {
    command,
    body: requestType.encode(requestType.fromPartial(request as never) as never).finish(),
    decode: (body) => responseType.decode(body) as ResponseOf<D['methods'][K]>,
  };
}
