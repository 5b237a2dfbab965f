import { servicesOf, under, type Complaint, type Tree } from './tree.js';

const ROOMS = ['domain', 'commands', 'queries', 'projections', 'reactions', 'api', 'clients'];
const HEADINGS = ['Owns', 'RPCs', 'Events out', 'Listens to', 'Views', 'Settings', 'Limits'];

/** Services have seven rooms and four files beside them, and no other. */
export function rooms(tree: Tree): Complaint[] {
  return servicesOf(tree).flatMap((service) => {
    const doors = ['main', `${service}.module`, 'config', 'publish'].flatMap((name) => [
      `${name}.ts`,
      `${name}.spec.ts`,
    ]);
    const source = `apps/${service}/src`;
    return under(tree, source).flatMap((path) => {
      const [first, ...rest] = path.slice(source.length + 1).split('/');
      if (rest.length === 0) return doors.includes(first!) ? [] : [`${path}: belongs into a room`];
      return ROOMS.includes(first!) ? [] : [`${path}: there is no room ${first}`];
    });
  });
}

/** READMEs of services have the headings of the style guide, and their tables say what the code says. */
export function readmes(tree: Tree): Complaint[] {
  return servicesOf(tree).flatMap((service) => {
    const path = `apps/${service}/README.md`;
    if (!tree.files.includes(path)) return [`${path}: missing`];
    const sections = sectionsOf(tree.read(path));
    const headings = [...sections.keys()];
    if (headings.join() !== HEADINGS.join()) return [`${path}: headings are ${headings.join(' · ')}`];
    return [
      ...differences(`${path}, RPCs`, namesInFirstColumn(sections.get('RPCs')!), rpcsOf(tree, service)),
      ...differences(`${path}, Settings`, settingsIn(service, sections.get('Settings')!), settingsOf(tree, service)),
      ...eventsOf(tree, service)
        .filter((event) => !sections.get('Events out')!.includes(event))
        .map((event) => `${path}, Events out: ${event} is missing`),
    ];
  });
}

function sectionsOf(markdown: string): Map<string, string> {
  const [, ...parts] = markdown.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end).trim(), part.slice(end)];
    }),
  );
}

/** The first word of each row of the tables, without the heads. */
function namesInFirstColumn(section: string): Set<string> {
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  const body = rows.filter((row, index) => !/^\|[\s:|-]+$/.test(row) && !/^\|[\s:|-]+$/.test(rows[index + 1] ?? ''));
  return new Set(body.map((row) => row.split('|')[1]!.replaceAll('`', '').trim().split(/\s/)[0]!));
}

const settingName = (service: string) => new RegExp(`\\b${service.toUpperCase()}_[A-Z0-9_]+\\b`, 'g');

function settingsIn(service: string, text: string): Set<string> {
  return new Set(text.match(settingName(service)) ?? []);
}

function settingsOf(tree: Tree, service: string): Set<string> {
  const path = `apps/${service}/src/config.ts`;
  return tree.files.includes(path) ? settingsIn(service, tree.read(path)) : new Set();
}

function rpcsOf(tree: Tree, service: string): Set<string> {
  const protos = under(tree, `libs/contracts/proto/magpie/${service}`);
  return new Set(
    protos.flatMap((path) => [...tree.read(path).matchAll(/^\s*rpc (\w+)\(/gm)].map((match) => match[1]!)),
  );
}

function eventsOf(tree: Tree, service: string): string[] {
  const registry = tree.read('libs/contracts/src/events.ts');
  return [
    ...new Set(
      [...registry.matchAll(/'(magpie\.(\w+)\.v\d+\.\w+)'/g)].flatMap(([, type, of]) =>
        of === service ? [type!] : [],
      ),
    ),
  ];
}

function differences(where: string, written: Set<string>, real: Set<string>): Complaint[] {
  return [
    ...[...real].filter((name) => !written.has(name)).map((name) => `${where}: ${name} is missing`),
    ...[...written].filter((name) => !real.has(name)).map((name) => `${where}: there is no ${name}`),
  ];
}
