/**
 * The one entry of every npm script: installs what is missing, goes over to the pinned Node, generates, builds, runs.
 * Plain JavaScript with node: modules only, because it runs before anything is installed, under the machine's Node.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules/.bin');
const pinned = join(bin, 'node');
const wanted = readFileSync(join(root, '.node-version'), 'utf8').trim();
const NODE_MAJOR_MIN = 24;
const QUIET_OUTPUT_BYTES_MAX = 1024 * 1024;

const [command = 'help', ...args] = process.argv.slice(2);

const say = (line) => process.stdout.write(`${line}\n`);

function fail(line) {
  process.stderr.write(`${line}\n`);
  // A check that does not come to its tests closes like one whose tests failed.
  if (command === 'test' || command === 'check') say('0 passed, 1 failed');
  process.exit(1);
}

/** Runs a program to its end, passing signals on to it; its output is shown at once, or only when it fails. */
async function run(command, args, { quiet = false, env = process.env } = {}) {
  const child = spawn(command, args, { cwd: root, env, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
  const pass = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  let output = '';
  const keep = (data) => (output = (output + data).slice(-QUIET_OUTPUT_BYTES_MAX));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(1);
    });
    child.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
  for (const signal of signals) process.off(signal, pass);
  if (code !== 0) process.stderr.write(output);
  return code;
}

async function must(step, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) fail(`${step} failed`);
}

const age = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** Whether every package of the lock file that is not optional is there: an interrupted install leaves holes. */
function packagesAreComplete() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).every(
    ([path, { optional, devOptional, peer }]) =>
      optional || devOptional || peer || !path.startsWith('node_modules/') || existsSync(join(root, path)),
  );
}

async function install() {
  const installed = age(join(root, 'node_modules/.package-lock.json'));
  if (installed >= age(join(root, 'package-lock.json')) && packagesAreComplete()) return;
  say('installing packages …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  await must('installing packages', npm, ['ci', '--no-audit', '--no-fund'], { quiet: true });
}

/** Starts this file again under the pinned Node. Answers only when this already is the right one. */
async function goOverToPinnedNode() {
  if (process.version !== `v${wanted}` && !process.env.MAGPIE_PINNED && existsSync(pinned)) {
    const env = { ...process.env, MAGPIE_PINNED: '1' };
    process.exit(await run(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { env }));
  }
  // An optional package can vanish without a word from npm, so the version itself is looked at.
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    fail(`Node ${NODE_MAJOR_MIN} is needed, this is ${process.version}: install Node ${wanted}, or run npm ci again`);
  }
  process.env.PATH = bin + delimiter + process.env.PATH;
  // Loading the code is most of what a start costs: what V8 made of it is kept.
  process.env.NODE_COMPILE_CACHE ??= join(root, '.cache/node');
  process.env.NX_DAEMON = 'false';
  process.env.NX_TUI = 'false';
}

const projects = () =>
  ['apps', 'libs']
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
    .concat(join(root, 'tools'))
    .filter((project) => existsSync(join(project, 'tsconfig.json')));

/** The compiler never deletes: an emitted spec whose source is gone would be run for ever. */
function removeStaleSpecs() {
  for (const project of projects()) {
    const dist = join(project, 'dist');
    mkdirSync(dist, { recursive: true });
    const specs = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith('.spec.js'));
    for (const spec of specs) {
      if (!existsSync(join(project, spec.replace(/\.js$/, '.ts')))) rmSync(join(dist, spec));
    }
  }
}

async function build() {
  if (existsSync(join(root, 'tools/contracts.mjs'))) {
    const { generate } = await import('./contracts.mjs');
    await generate();
  }
  removeStaleSpecs();
  if (!existsSync(join(root, 'tools/dist/.tsbuildinfo'))) say('building …');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await must('the build', process.execPath, [tsc, '-b', '--pretty', String(process.stdout.isTTY ?? false)], {
    quiet: true,
  });
}

/** Becomes the program, so that signals reach it without a go-between; where that is impossible, starts it. */
async function become(main, args) {
  const argv = [
    process.execPath,
    '--enable-source-maps',
    '--disable-warning=TimeoutNegativeWarning',
    join(root, main),
    ...args,
  ];
  if (process.execve) process.execve(process.execPath, argv, process.env);
  process.exit(await run(process.execPath, argv.slice(1)));
}

async function lint() {
  say('linting …');
  await must('lint', process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), 'run-many', '-t', 'lint'], {
    quiet: true,
  });
  const buf = [join(root, 'node_modules/@bufbuild/buf/bin/buf')];
  const contracts = 'libs/contracts';
  await must('buf lint', process.execPath, [...buf, 'lint', contracts], { quiet: true });
  const baseline = `${contracts}/baseline.binpb`;
  if (!existsSync(join(root, baseline))) return;
  await must('buf breaking', process.execPath, [...buf, 'breaking', contracts, '--against', baseline], { quiet: true });
}

const programs = {
  start: 'tools/dist/start/main.js',
  test: 'tools/dist/test/main.js',
  check: 'tools/dist/test/main.js',
  chat: 'tools/dist/chat/main.js',
  bench: 'tools/dist/bench/main.js',
  rebuild: 'tools/dist/rebuild/main.js',
  redrive: 'tools/dist/redrive/main.js',
  faults: 'tools/dist/faults/main.js',
  contract: 'tools/dist/contract/main.js',
};

if (command !== 'build' && !(command in programs))
  fail(`usage: node tools/run.mjs build|${Object.keys(programs).join('|')} …`);
try {
  await install();
  await goOverToPinnedNode();
  await build();
  if (command === 'check') await lint();
} catch (error) {
  fail(error.message);
}
if (command !== 'build') await become(programs[command], args);
