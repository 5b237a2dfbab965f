import { METHODS as GENERATED } from './generated/methods.js';

/** How a client command is named and guarded at the edge. */
export interface CommandInfo {
  readonly access: 'CLIENT';
  /** Operation on the long link; the answer is `id` + 1 000 000 000. */
  readonly id: number;
  /** Last path segment on the short link. */
  readonly name: string;
  readonly auth: 'NONE' | 'SESSION';
  /** USER: the instance that owns the user's partition. */
  readonly route: 'ANY' | 'USER';
}

/** Who may call an rpc. One that is not in the table may be called by nobody. */
export type MethodInfo = CommandInfo | { readonly access: 'SERVICE' | 'OPERATOR' };

/** `package.Service/Method`, e.g. `magpie.auth.v1.AuthService/Login`. */
export type MethodName = keyof typeof GENERATED;

/** Every rpc of the product that is marked for somebody, from the options in the protos. */
export const METHODS: Readonly<Record<MethodName, MethodInfo>> = GENERATED;

/** Client commands by id, with the rpc they call. */
export const COMMANDS: ReadonlyMap<number, CommandInfo & { readonly method: MethodName }> = new Map(
  Object.entries(METHODS).flatMap(([method, info]) =>
    info.access === 'CLIENT' ? [[info.id, { ...info, method: method as MethodName }] as const] : [],
  ),
);

/** Operations of the long link that are the gateway's own (protocol.md, "The frame"). */
export const OPERATIONS = {
  heartbeat: 6,
  redirect: 8,
  upgrade: 9,
  notice: 24,
  identify: 205,
  /** Added to a command's id in its answer. */
  answer: 1_000_000_000,
  error: 1_999_999_999,
} as const;
