import { createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { contractPage } from './page.js';

/** The page as the protos of the repository say it. Throws when they do not compile. */
export async function pageOf(repository: string): Promise<string> {
  const contracts = join(repository, 'libs/contracts');
  const files = await compiled(contracts, join(repository, 'node_modules/@bufbuild/buf/bin/buf'));
  return contractPage(files, (path) => readFileSync(join(contracts, 'proto', path), 'utf8'));
}

/** With source info, which the descriptors of the product leave out. */
async function compiled(contracts: string, buf: string): Promise<FileRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'magpie-contract-'));
  try {
    const output = join(folder, 'descriptor.binpb');
    await promisify(execFile)(process.execPath, [buf, 'build', '-o', output], { cwd: contracts });
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(output)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
