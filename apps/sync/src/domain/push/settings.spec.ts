import { DEFAULT_SETTINGS, edited, isQuiet, requireEdit, type QuietHours } from './settings.js';

// Goal: quiet hours are the user's, wherever that is; an edit changes what it names.

const hours = (fromMinute: number, toMinute: number, more: Partial<QuietHours> = {}): QuietHours => ({
  ...{ fromMinute, toMinute, zone: '', offsetMinutes: 0 },
  ...more,
});
const quietAt = (quietHours: QuietHours, time: string) =>
  isQuiet({ ...DEFAULT_SETTINGS, quietHours }, Date.parse(`2026-03-29T${time}Z`));

describe('push settings', () => {
  it.each([
    [hours(60, 120), '00:59:59', false],
    [hours(60, 120), '01:00:00', true],
    [hours(60, 120), '02:00:00', false],
    [hours(22 * 60, 7 * 60), '23:30:00', true],
    [hours(22 * 60, 7 * 60), '06:59:00', true],
    [hours(22 * 60, 7 * 60), '12:00:00', false],
    [hours(22 * 60, 23 * 60, { offsetMinutes: 480 }), '14:00:00', true],
    [hours(22 * 60, 7 * 60, { offsetMinutes: -300 }), '02:59:00', false],
    [hours(22 * 60, 7 * 60, { zone: 'Asia/Shanghai' }), '14:00:00', true],
    // The clock goes forward at 01:00 UTC on this day.
    [hours(3 * 60, 4 * 60, { zone: 'Europe/Berlin' }), '00:59:00', false],
    [hours(3 * 60, 4 * 60, { zone: 'Europe/Berlin' }), '01:00:00', true],
  ])('has %j at %s: %s', (quietHours, time, quiet) => {
    expect(quietAt(quietHours, time)).toBe(quiet);
  });

  it('keeps what an edit does not name; quiet hours without length are none', () => {
    const quietHours = hours(60, 120);
    const shown = edited(DEFAULT_SETTINGS, { showContent: true, quietHours });
    expect(shown).toEqual({ enabled: true, showContent: true, quietHours });
    expect(edited(shown, { enabled: false })).toEqual({ ...shown, enabled: false });
    expect(edited(shown, { quietHours: hours(5, 5) }).quietHours).toBeNull();
  });

  it.each([
    [{}, 'one of 3 fields'],
    [{ quietHours: hours(-1, 0) }, '0 to 1439'],
    [{ quietHours: hours(0, 1440) }, '0 to 1439'],
    [{ quietHours: hours(0, 1, { offsetMinutes: 841 }) }, '-840 to 840'],
    [{ quietHours: hours(0, 1, { zone: 'Nowhere/Land' }) }, 'IANA'],
    [{ quietHours: hours(0, 1, { zone: 'A'.repeat(65) }) }, 'IANA'],
  ])('refuses %j', (edit, text) => {
    expect(() => requireEdit(edit)).toThrow(expect.objectContaining({ code: 'INVALID' }) as unknown as Error);
    expect(() => requireEdit(edit)).toThrow(text);
  });
});
