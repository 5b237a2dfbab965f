import type { DescEnum, DescMessage, DescMethod, DescService, FileRegistry } from '@bufbuild/protobuf';
import { ERRORS, METHODS, wire, type CommandInfo, type MethodName } from '@magpie/contracts';

/** Packages that clients see whole: what links carry besides commands. */
const WHOLE = ['magpie.gateway.v1'];
const ERROR_TYPE = 'magpie.wire.v1.Error';

type Type = DescMessage | DescEnum;

interface Command {
  readonly method: DescMethod;
  readonly info: CommandInfo;
}

/**
 * The text of docs/client-contract.md: every command of clients and every type that they can meet. `files` are compiled
 * with their source info; `sourceOf`: the text of a proto by its path.
 */
export function contractPage(files: FileRegistry, sourceOf: (path: string) => string): string {
  const all = [...files];
  const services = all.filter((each) => each.kind === 'service').filter((service) => commandsOf(service).length > 0);
  const roots = all
    .filter((each) => each.kind === 'message')
    .filter(({ typeName, file }) => typeName === ERROR_TYPE || WHOLE.includes(file.proto.package));
  const met = typesMet([...services.flatMap(typesOf), ...roots]);
  const packages = [...new Set([...met].map(({ file }) => file.proto.package))].sort();
  return `${[
    '# Client contract',
    INTRODUCTION,
    ...packages.map((name) => section(name, services, [...met], sourceOf)),
    errors(),
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `This page is written by \`npm run contract\` from the protos in \`libs/contracts/proto\`; a spec keeps it true. How commands
travel is in [protocol](design/protocol.md), what ids, times and texts look like in
[the core of the contract](design/client-contract.md).

A command's number is its operation on the long link; its name is the last segment of its address on the short link. Fields
are added, never renamed or renumbered.`;

function section(
  name: string,
  services: readonly DescService[],
  types: readonly Type[],
  sourceOf: (path: string) => string,
): string {
  const own = services.filter(({ file }) => file.proto.package === name);
  const declared = types.filter(({ file }) => file.proto.package === name);
  return [`## \`${name}\``, ...own.map(table), block(declared, sourceOf)].join('\n\n');
}

function table(service: DescService): string {
  const rows = commandsOf(service).map(({ method, info }) =>
    [method.name, info.id, `\`${info.name}\``, info.auth === 'NONE' ? 'no' : 'yes'].join(' | '),
  );
  const head = [`| ${service.name} | number | name | session |`, '| --- | --- | --- | --- |'];
  return [...head, ...rows.map((row) => `| ${row} |`)].join('\n');
}

function commandsOf(service: DescService): Command[] {
  return service.methods.flatMap((method) => {
    const info = METHODS[`${service.typeName}/${method.name}` as MethodName];
    return info?.access === 'CLIENT' ? [{ method, info }] : [];
  });
}

function typesOf(service: DescService): DescMessage[] {
  return commandsOf(service).flatMap(({ method: { input, output } }) => [input, output]);
}

/** The declarations that hold these messages, and all that they lead to. */
function typesMet(messages: readonly DescMessage[]): Set<Type> {
  const met = new Set<Type>();
  const meet = (type: Type): void => {
    if (type.parent) return meet(type.parent);
    if (met.has(type)) return;
    met.add(type);
    if (type.kind === 'message') within(type);
  };
  const within = (message: DescMessage): void => {
    for (const field of message.fields) {
      const type = field.message ?? field.enum;
      if (type) meet(type);
    }
    for (const nested of message.nestedMessages) within(nested);
  };
  for (const message of messages) meet(message);
  return met;
}

/** The declarations as they stand in their files, in that order. */
function block(types: readonly Type[], sourceOf: (path: string) => string): string {
  const declarations = types
    .map((type) => ({ file: type.file.proto.name, ...linesOf(type) }))
    .sort((a, b) => (a.file === b.file ? a.from - b.from : a.file < b.file ? -1 : 1))
    .map(({ file, from, to }) => {
      const lines = sourceOf(file).split('\n');
      let first = from;
      while (lines[first - 1]?.startsWith('//')) first -= 1;
      return lines.slice(first, to + 1).join('\n');
    });
  return ['```proto', declarations.join('\n'), '```'].join('\n');
}

/** Numbers of fields in descriptor.proto. */
const MESSAGE_TYPE = 4;
const ENUM_TYPE = 5;

function linesOf(type: Type): { from: number; to: number } {
  const { messageType, enumType, sourceCodeInfo } = type.file.proto;
  const path =
    type.kind === 'message'
      ? [MESSAGE_TYPE, messageType.findIndex(({ name }) => name === type.name)]
      : [ENUM_TYPE, enumType.findIndex(({ name }) => name === type.name)];
  const location = sourceCodeInfo?.location.find((each) => each.path.join() === path.join());
  if (!location) throw new Error(`no source of ${type.typeName}`);
  // Line, column, then the last line unless it is the same one.
  const [from = 0, , to = from] = location.span;
  return { from, to: location.span.length === 4 ? to : from };
}

function errors(): string {
  const rows = Object.entries(ERRORS).map(([name, { http, again }]) => {
    const number = wire.Code[name as keyof typeof wire.Code];
    return `| \`${name}\` | ${number} | ${http} | ${again ? 'yes' : 'no'} |`;
  });
  const head = ['| code | number | HTTP | the same again may succeed |', '| --- | --- | --- | --- |'];
  return ['## Errors', [...head, ...rows].join('\n')].join('\n\n');
}
