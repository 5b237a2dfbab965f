import type { messaging } from '@magpie/contracts';
import { countCodePoints, DomainError, invalid, requireAscii, requireText } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { CONTENT_LIMITS as LIMITS } from './limits.js';

type Kind = NonNullable<messaging.Content['content']>;
type Case = Kind['$case'];
type ValueOf<C extends Case> = Extract<Kind, { $case: C }>['value'];
/** Answers the value as it is kept; throws INVALID or TOO_LARGE, naming the field below `at`. */
type Check<C extends Case> = (at: string, value: ValueOf<C>) => ValueOf<C>;

/** Media are named, not looked at: who shows them asks the service that keeps them. */
const CHECKS: { readonly [C in Case]: Check<C> } = {
  text: (at, { text }) => ({ text: requireMessageText(at, text) }),
  image(at, value) {
    requireMedia(at, value);
    requireThumb(at, value.thumbMediaId);
    requireSides(at, value);
    return value;
  },
  voice(at, value) {
    requireMedia(at, value);
    requireDuration(at, value.durationMs, LIMITS.voiceMsMax);
    return value;
  },
  video(at, value) {
    requireMedia(at, value);
    requireThumb(at, value.thumbMediaId);
    requireSides(at, value);
    requireDuration(at, value.durationMs, LIMITS.videoMsMax);
    return value;
  },
  sticker(at, value) {
    requireMediaId(`${at}.media_id`, value.mediaId);
    if (value.packId !== '') requireAscii(`${at}.pack_id`, value.packId, { min: 1, max: LIMITS.packIdLengthMax });
    return value;
  },
  file(at, value) {
    requireMedia(at, value);
    const name = requireText(`${at}.name`, value.name, { min: 1, max: LIMITS.fileNameLengthMax });
    requireAscii(`${at}.media_type`, value.mediaType, { min: 0, max: LIMITS.mediaTypeLengthMax });
    return { ...value, name };
  },
  location(at, { latitude, longitude, label }) {
    requireDegrees(`${at}.latitude`, latitude, LIMITS.latitudeMax);
    requireDegrees(`${at}.longitude`, longitude, LIMITS.longitudeMax);
    return { latitude, longitude, label: requireText(`${at}.label`, label, { min: 0, max: LIMITS.labelLengthMax }) };
  },
  card(at, value) {
    if (!isIdOf('u', value.userId)) throw invalid(`${at}.user_id`, 'a user id is expected');
    return value;
  },
  link(at, value) {
    requireThumb(at, value.thumbMediaId);
    return {
      ...value,
      url: requireUrl(`${at}.url`, value.url),
      title: requireText(`${at}.title`, value.title, { min: 1, max: LIMITS.linkTitleLengthMax }),
      summary: requireText(`${at}.summary`, value.summary, { min: 0, max: LIMITS.linkSummaryLengthMax }),
    };
  },
  system: madeByServers,
  merged: madeByServers,
  custom(at, value) {
    requireAscii(`${at}.type`, value.type, { min: 1, max: LIMITS.customTypeLengthMax });
    const bytes = value.body.length;
    if (bytes > LIMITS.customBytesMax) throw tooLarge(`${at}.body`, bytes, LIMITS.customBytesMax, 'bytes');
    return value;
  },
};

/** The content as it is kept. Throws INVALID, also for none, or TOO_LARGE. */
export function requireContent(field: string, content: messaging.Content | undefined): messaging.Content {
  const kind = content?.content;
  if (kind === undefined) throw invalid(field, 'one kind of content is expected');
  const check = CHECKS[kind.$case] as Check<Case>;
  return { content: { $case: kind.$case, value: check(`${field}.${kind.$case}`, kind.value) } as Kind };
}

function requireMessageText(field: string, given: string): string {
  const text = given.normalize('NFC');
  const length = countCodePoints(text);
  if (length === 0) throw invalid(field, '0 characters, at least 1');
  if (length > LIMITS.textLengthMax) throw tooLarge(field, length, LIMITS.textLengthMax, 'characters');
  return text;
}

/** Clients name what to forward; they do not write it. */
function madeByServers(at: string): never {
  throw invalid(at, 'is made by servers only');
}

function requireMedia(at: string, { mediaId, size }: { mediaId: string; size: number }): void {
  requireMediaId(`${at}.media_id`, mediaId);
  requireWhole(`${at}.size`, size, { min: 0, max: LIMITS.mediaBytesMax }, 'bytes');
}

function requireMediaId(field: string, mediaId: string): void {
  if (!isIdOf('f', mediaId)) throw invalid(field, 'the id of a media file is expected');
}

function requireThumb(at: string, mediaId: string): void {
  if (mediaId !== '') requireMediaId(`${at}.thumb_media_id`, mediaId);
}

function requireSides(at: string, { width, height }: { width: number; height: number }): void {
  requireWhole(`${at}.width`, width, { min: 0, max: LIMITS.sideMax }, 'pixels');
  requireWhole(`${at}.height`, height, { min: 0, max: LIMITS.sideMax }, 'pixels');
}

function requireDuration(at: string, durationMs: number, max: number): void {
  requireWhole(`${at}.duration_ms`, durationMs, { min: 1, max }, 'ms');
}

/** 0 = not told, where `min` allows it. */
function requireWhole(field: string, value: number, { min, max }: { min: number; max: number }, unit: string): void {
  if (value < min) throw invalid(field, `${value} ${unit}, at least ${min}`);
  if (value > max) throw tooLarge(field, value, max, unit);
}

function requireDegrees(field: string, value: number, max: number): void {
  if (!(Math.abs(value) <= max)) throw invalid(field, `${value} degrees, between -${max} and ${max} are expected`);
}

function requireUrl(field: string, url: string): string {
  if (url.length > LIMITS.urlLengthMax) throw tooLarge(field, url.length, LIMITS.urlLengthMax, 'characters');
  const protocol = URL.parse(url)?.protocol;
  if (protocol !== 'https:' && protocol !== 'http:') throw invalid(field, 'an http or https address is expected');
  return url;
}

function tooLarge(field: string, value: number, max: number, unit: string): DomainError {
  const reason = `${value} ${unit}, at most ${max}`;
  return new DomainError('invalid', 'TOO_LARGE', `${field}: ${reason}`, { details: [{ field, reason }] });
}
