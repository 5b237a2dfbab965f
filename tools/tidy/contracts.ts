import { servicesOf, under, type Complaint, type Tree } from './tree.js';

const EVENTS_FILE = 'libs/contracts/src/events.ts';
const TOPICS_FILE = 'libs/contracts/src/topics.ts';
const SAMPLES = 'libs/contracts/samples';

/** Every public event has a sample that must decode for ever, and is made by the service that it belongs to. */
export function events(tree: Tree): Complaint[] {
  const types = new Set(tree.read(EVENTS_FILE).match(/magpie\.\w+\.v\d+\.\w+/g) ?? []);
  return [...types].flatMap((type) => {
    const [, service, , name] = type.split('.') as [string, string, string, string];
    const sources = under(tree, `apps/${service}/src`).filter((path) => !path.endsWith('.spec.ts'));
    const isMade = sources.some((path) => new RegExp(`\\b${name}\\b`).test(tree.read(path)));
    const hasSample = tree.files.some((path) => path.startsWith(`${SAMPLES}/${type}.`));
    return [
      ...(hasSample ? [] : [`${EVENTS_FILE}: ${type} has no sample in ${SAMPLES}`]),
      ...(isMade ? [] : [`${EVENTS_FILE}: nothing in apps/${service} makes ${type}`]),
    ];
  });
}

/** Every topic is named `<service>.<kind>.v<major>` after a service that exists. */
export function topics(tree: Tree): Complaint[] {
  const names = [...tree.read(TOPICS_FILE).matchAll(/^ {2}'([^']+)':/gm)].map((match) => match[1]!);
  const services = servicesOf(tree);
  if (names.length === 0) return [`${TOPICS_FILE}: no topics found`];
  return names.flatMap((name) => {
    if (!/^[a-z]+(\.[a-z-]+)+\.v\d+$/.test(name)) return [`${TOPICS_FILE}: ${name} is not <service>.<kind>.v<major>`];
    return services.includes(name.split('.')[0]!) ? [] : [`${TOPICS_FILE}: no service owns ${name}`];
  });
}
