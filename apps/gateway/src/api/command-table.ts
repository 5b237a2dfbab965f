import { getOption, hasOption, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';

/** One client command, as its rpc's option describes it. */
export interface Command {
  readonly id: number;
  readonly name: string;
  /** The service's one word. */
  readonly service: string;
  /** Whether a session is needed. */
  readonly session: boolean;
  /** Whether only the instance that owns the user's partition serves it. */
  readonly ownerOnly: boolean;
  readonly input: DescMessage;
  readonly output: DescMessage;
}

export interface CommandTable {
  byId(id: number): Command | undefined;
  byName(name: string): Command | undefined;
}

/** Values of `magpie.wire.v1.Command.Auth` and `.Route`. */
const AUTH = { NONE: 1, SESSION: 2 } as const;
const ROUTE = { ANY: 1, USER: 2 } as const;
/** The service whose instances announce which users they own. */
const OWNING_SERVICE = 'sync';

/** The routing table of every command of the product. Throws when two share an id or a name, or a mark is missing. */
export function commandTable(registry: FileRegistry): CommandTable {
  const option = registry.getExtension('magpie.wire.v1.command');
  if (option === undefined) throw new Error('the descriptors do not know the command option');
  const ids = new Map<number, Command>();
  const names = new Map<string, Command>();
  for (const type of registry) {
    if (type.kind !== 'service') continue;
    for (const method of type.methods) {
      if (!hasOption(method, option)) continue;
      const mark = getOption(method, option) as unknown as { id: number; name: string; auth: number; route: number };
      const command = commandOf(type.typeName, mark, method.input, method.output);
      if (ids.has(command.id) || names.has(command.name)) throw new Error(`two commands ${command.id} ${command.name}`);
      ids.set(command.id, command);
      names.set(command.name, command);
    }
  }
  return { byId: (id) => ids.get(id), byName: (name) => names.get(name) };
}

function commandOf(
  typeName: string,
  mark: { id: number; name: string; auth: number; route: number },
  input: DescMessage,
  output: DescMessage,
): Command {
  const service = typeName.split('.')[1];
  const marked = mark.auth !== 0 && mark.route !== 0;
  if (service === undefined || !marked) throw new Error(`command ${mark.id} of ${typeName} is not fully marked`);
  const ownerOnly = mark.route === ROUTE.USER;
  if (ownerOnly && service !== OWNING_SERVICE) throw new Error(`nobody announces the owners of ${typeName}`);
  if (ownerOnly && mark.auth === AUTH.NONE) throw new Error(`command ${mark.id} has a user's route without a user`);
  return { id: mark.id, name: mark.name, service, session: mark.auth === AUTH.SESSION, ownerOnly, input, output };
}
