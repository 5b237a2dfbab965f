import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageOf } from './protos.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

await writeFile(join(repository, 'docs/client-contract.md'), await pageOf(repository));
process.stdout.write('docs/client-contract.md is written\n');
