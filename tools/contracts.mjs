/** Generates what the code needs from the protos: TypeScript types, the descriptor set, and the table of methods. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const contracts = join(root, 'libs/contracts');
const generated = join(contracts, 'src/generated');
const descriptor = join(contracts, 'descriptor.binpb');
const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf');

const newest = (folder) =>
  Math.max(...readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name)).mtimeMs));

function run(args) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [buf, ...args], { cwd: contracts, encoding: 'utf8' });
  if (status !== 0) throw new Error(`buf ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

/** Does nothing when the output is newer than every proto, this file and the generator's settings. */
export async function generate() {
  const methods = join(generated, 'methods.ts');
  const sources = Math.max(
    newest(join(contracts, 'proto')),
    statSync(join(contracts, 'buf.gen.yaml')).mtimeMs,
    statSync(fileURLToPath(import.meta.url)).mtimeMs,
  );
  if (existsSync(methods) && statSync(methods).mtimeMs > sources && existsSync(descriptor)) return;
  rmSync(generated, { recursive: true, force: true });
  mkdirSync(generated, { recursive: true });
  run(['generate']);
  run(['build', '--exclude-source-info', '-o', 'descriptor.binpb']);
  writeFileSync(methods, await methodTable());
}

/** One entry per rpc: who may call it and, for client commands, its id and name at the edge. */
async function methodTable() {
  const { createFileRegistry, fromBinary, getOption, hasOption } = await import('@bufbuild/protobuf');
  const { FileDescriptorSetSchema } = await import('@bufbuild/protobuf/wkt');
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptor)));
  const commandOption = registry.getExtension('magpie.wire.v1.command');
  const accessOption = registry.getExtension('magpie.wire.v1.access');
  const name = (option, message, field) =>
    option.message.fields.find((f) => f.localName === field).enum.value[message[field]].name;
  const entries = [];
  for (const service of [...registry].filter((type) => type.kind === 'service')) {
    for (const method of service.methods) {
      const key = `${service.typeName}/${method.name}`;
      if (hasOption(method, commandOption)) {
        const command = getOption(method, commandOption);
        const auth = name(commandOption, command, 'auth');
        const route = name(commandOption, command, 'route');
        entries.push(
          `  '${key}': { access: 'CLIENT', id: ${command.id}, name: '${command.name}', auth: '${auth}', route: '${route}' },`,
        );
      } else if (hasOption(method, accessOption)) {
        const access = accessOption.enum.value[getOption(method, accessOption)].name;
        entries.push(`  '${key}': { access: '${access}' },`);
      }
    }
  }
  return `// Generated from the protos. Do not edit.\nexport const METHODS = {\n${entries.sort().join('\n')}\n} as const;\n`;
}
