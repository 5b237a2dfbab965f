import type { messaging } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { refusalOf } from '../../test/refusal-of.js';
import { requireContent } from './content.js';
import { CONTENT_LIMITS as LIMITS } from './limits.js';

type Kind = NonNullable<messaging.Content['content']>;
type Value = Kind['value'];

const media = deriveId('f', 'a picture');
const GOOD = {
  text: { text: 'hello' },
  image: { mediaId: media, width: 640, height: 480, size: 12_345, thumbMediaId: '' },
  voice: { mediaId: media, durationMs: LIMITS.voiceMsMax, size: 1 },
  video: { mediaId: media, width: 1, height: LIMITS.sideMax, durationMs: 1, size: 1, thumbMediaId: media },
  sticker: { mediaId: media, packId: 'cats' },
  file: { mediaId: media, name: '合同.pdf', size: LIMITS.mediaBytesMax, mediaType: 'application/pdf' },
  location: { latitude: -90, longitude: 180, label: '人民广场' },
  card: { userId: deriveId('u', 'bob') },
  link: { url: 'https://example.com/a', title: 'A page', summary: '', thumbMediaId: '' },
  custom: { type: 'app.poll', body: new Uint8Array(LIMITS.customBytesMax) },
};
type Case = keyof typeof GOOD;

const content = ($case: Kind['$case'], value: object) => ({ content: { $case, value } as Kind });

// Goal: each kind of content is taken to its bound, and what is wrong is refused by the name of its field. All pure.
describe('requireContent', () => {
  it.each(Object.entries(GOOD))('keeps a good %s as it is', ($case, value) => {
    const given = content($case as Case, value);
    expect(requireContent('content', given)).toEqual(given);
  });

  it.each<[Case, Partial<Record<string, Value[keyof Value] | number | string | Uint8Array>>, string, string]>([
    ['image', { mediaId: 'x' }, 'INVALID', 'image.media_id'],
    ['image', { size: -1 }, 'INVALID', 'image.size'],
    ['image', { size: LIMITS.mediaBytesMax + 1 }, 'TOO_LARGE', 'image.size'],
    ['image', { width: LIMITS.sideMax + 1 }, 'TOO_LARGE', 'image.width'],
    ['image', { height: -1 }, 'INVALID', 'image.height'],
    ['image', { thumbMediaId: 'x' }, 'INVALID', 'image.thumb_media_id'],
    ['voice', { durationMs: LIMITS.voiceMsMax + 1 }, 'TOO_LARGE', 'voice.duration_ms'],
    ['voice', { durationMs: 0 }, 'INVALID', 'voice.duration_ms'],
    ['video', { durationMs: LIMITS.videoMsMax + 1 }, 'TOO_LARGE', 'video.duration_ms'],
    ['video', { mediaId: '' }, 'INVALID', 'video.media_id'],
    ['sticker', { mediaId: deriveId('u', 'bob') }, 'INVALID', 'sticker.media_id'],
    ['sticker', { packId: 'a b' }, 'INVALID', 'sticker.pack_id'],
    ['file', { name: '' }, 'INVALID', 'file.name'],
    ['file', { name: 'x'.repeat(LIMITS.fileNameLengthMax + 1) }, 'INVALID', 'file.name'],
    ['file', { mediaType: 'a b' }, 'INVALID', 'file.media_type'],
    ['location', { latitude: 90.1 }, 'INVALID', 'location.latitude'],
    ['location', { latitude: -90.1 }, 'INVALID', 'location.latitude'],
    ['location', { longitude: NaN }, 'INVALID', 'location.longitude'],
    ['location', { label: 'x'.repeat(LIMITS.labelLengthMax + 1) }, 'INVALID', 'location.label'],
    ['card', { userId: 'nobody!' }, 'INVALID', 'card.user_id'],
    ['link', { url: 'javascript:alert(1)' }, 'INVALID', 'link.url'],
    ['link', { url: 'no address' }, 'INVALID', 'link.url'],
    ['link', { url: `https://x/${'y'.repeat(LIMITS.urlLengthMax)}` }, 'TOO_LARGE', 'link.url'],
    ['link', { title: '' }, 'INVALID', 'link.title'],
    ['link', { summary: 'x'.repeat(LIMITS.linkSummaryLengthMax + 1) }, 'INVALID', 'link.summary'],
    ['custom', { type: '' }, 'INVALID', 'custom.type'],
    ['custom', { body: new Uint8Array(LIMITS.customBytesMax + 1) }, 'TOO_LARGE', 'custom.body'],
  ])('refuses of %s %j', ($case, part, code, field) => {
    const refusal = refusalOf(() => requireContent('content', content($case, { ...GOOD[$case], ...part })));
    expect([refusal.code, refusal.details[0]?.field]).toEqual([code, `content.${field}`]);
  });

  it('refuses what only servers say, and nothing at all', () => {
    const system = content('system', { code: 'recalled', values: {} });
    expect(refusalOf(() => requireContent('content', system)).details[0]?.field).toBe('content.system');
    expect(refusalOf(() => requireContent('content', undefined)).code).toBe('INVALID');
  });

  it('names the bound and what was given', () => {
    const voice = content('voice', { ...GOOD.voice, durationMs: 60_001 });
    expect(refusalOf(() => requireContent('messages[2].content', voice)).message).toBe(
      'messages[2].content.voice.duration_ms: 60001 ms, at most 60000',
    );
  });
});
