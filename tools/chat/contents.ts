import type { LocalMessage, messaging } from '@magpie/sdk';

/** The name that a user or a group is shown by. */
export type NameOf = (id: string) => Promise<string>;

type Inner = NonNullable<messaging.Content['content']>;
type Words = {
  readonly [K in Inner['$case']]: (value: Extract<Inner, { $case: K }>['value'], nameOf: NameOf) => unknown;
};

const MERGED_SHOWN = 3;

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** Every kind of content in words; what is no text stands in brackets. */
const WORDS: Words = {
  text: ({ text }) => text,
  image: ({ width, height }) => `[image, ${width} × ${height}]`,
  voice: ({ durationMs }) => `[voice, ${seconds(durationMs)}]`,
  video: ({ durationMs }) => `[video, ${seconds(durationMs)}]`,
  sticker: () => '[sticker]',
  file: ({ name, size }) => `[file ${name}, ${size} bytes]`,
  location: ({ label, latitude, longitude }) => `[location ${label || `${latitude}, ${longitude}`}]`,
  card: async ({ userId }, nameOf) => `[card of ${await nameOf(userId)}]`,
  link: ({ title, url }) => `[${title || 'link'}: ${url}]`,
  system: ({ code, values }, nameOf) => tipInWords(code, values, nameOf),
  custom: ({ type }) => `[${type}]`,
  merged: async ({ title, entries }, nameOf) => {
    const shown = entries.slice(0, MERGED_SHOWN);
    const lines = await Promise.all(
      shown.map(async ({ from, content }) => `${await nameOf(from)}: ${await contentInWords(content, nameOf)}`),
    );
    return `[${title || 'messages'}: ${lines.join(' / ')}${entries.length > shown.length ? ` / … ${entries.length} in all` : ''}]`;
  },
};

export async function contentInWords(content: messaging.Content | undefined, nameOf: NameOf): Promise<string> {
  const inner = content?.content;
  if (inner === undefined) return '';
  const words = WORDS[inner.$case] as (value: unknown, nameOf: NameOf) => string | Promise<string>;
  return words(inner.value, nameOf);
}

/** What stands in a message's line behind the name. */
export async function bodyInWords(message: LocalMessage, nameOf: NameOf): Promise<string> {
  const { recalled, recalledBy, quote, burnAfterMs } = message;
  if (recalled) {
    if (recalledBy === '') return '(burnt)';
    const by = recalledBy === undefined || recalledBy === message.from ? '' : ` by ${await nameOf(recalledBy)}`;
    return `(taken back${by})`;
  }
  const body = await contentInWords(message.content, nameOf);
  const quoted = quote && ` « ${await nameOf(quote.from)}: ${await contentInWords(quote.content, nameOf)} »`;
  const burns = burnAfterMs === undefined ? '' : ` (burns ${seconds(burnAfterMs)} after it was read)`;
  return `${body}${quoted ?? ''}${burns}`;
}

type Tip = (names: Readonly<Record<string, string>>, values: Readonly<Record<string, string>>) => string;

/** What each tip says; `names` are the values that hold user ids, by name. */
const TIPS: Readonly<Record<string, Tip>> = {
  'group.created': ({ by, members }, values) => `${by} made the group with ${members}${more(values)}`,
  'group.members-added': ({ by, members }, values) => `${by} brought in ${members}${more(values)}`,
  'group.member-joined': ({ by, member }) => `${member} has joined${by === member ? '' : `, invited by ${by}`}`,
  'group.member-removed': ({ by, member }) => `${by} removed ${member}`,
  'group.member-left': ({ member }) => `${member} has left`,
  'group.updated': ({ by }, values) => `${by} changed the group: ${changes(values)}`,
  'group.admin-set': ({ by, member }) => `${by} made ${member} an admin`,
  'group.admin-unset': ({ by, member }) => `${member} is no admin any more, says ${by}`,
  'group.transferred': ({ by, member }) => `${by} handed the group to ${member}`,
  'group.member-muted': ({ by, member }) => `${by} muted ${member}`,
  'group.member-unmuted': ({ by, member }) => `${member} may write again, says ${by}`,
};

/** Values of tips that hold user ids, divided by commas. */
const NAMED = ['by', 'member', 'members'];

async function tipInWords(code: string, values: Readonly<Record<string, string>>, nameOf: NameOf): Promise<string> {
  const named = NAMED.map(async (key) => {
    const ids = (values[key] ?? '').split(',').filter((id) => id !== '');
    return [key, (await Promise.all(ids.map(nameOf))).join(', ')] as const;
  });
  const tip = TIPS[code];
  return tip === undefined ? `(${code})` : `— ${tip(Object.fromEntries(await Promise.all(named)), values)}`;
}

/** A tip names the first ones of many. */
function more({ members = '', count = '0' }: Readonly<Record<string, string>>): string {
  const left = Number(count) - members.split(',').length;
  return left > 0 ? ` and ${left} more` : '';
}

function changes({ by: _by, ...values }: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([what, value]) => `${what.replaceAll('_', ' ')} "${value}"`)
    .join(', ');
}
