import { invalid } from '@magpie/domain';

/** Minutes of the day at the user's place; over midnight where the first is the later one. */
export interface QuietHours {
  readonly fromMinute: number;
  readonly toMinute: number;
  /** IANA name; '' = `offsetMinutes` counts. */
  readonly zone: string;
  /** East of UTC. */
  readonly offsetMinutes: number;
}

export interface PushSettings {
  readonly enabled: boolean;
  readonly showContent: boolean;
  /** null = none. */
  readonly quietHours: QuietHours | null;
}

export type SettingsEdit = { readonly [K in keyof PushSettings]?: PushSettings[K] | undefined };

/** Of who has set nothing. */
export const DEFAULT_SETTINGS: PushSettings = { enabled: true, showContent: false, quietHours: null };

const DAY_MINUTES = 24 * 60;
const OFFSET_MAX = 14 * 60;
const MINUTE_MS = 60_000;
const ZONE_LENGTH_MAX = 64;

/** Throws INVALID, also when nothing is to change. */
export function requireEdit(edit: SettingsEdit): SettingsEdit {
  const { enabled, showContent, quietHours } = edit;
  if (enabled === undefined && showContent === undefined && quietHours === undefined) {
    throw invalid('request', 'one of 3 fields is expected');
  }
  if (quietHours) requireQuietHours(quietHours);
  return edit;
}

/** What an edit leaves; quiet hours without length are none. */
export function edited(settings: PushSettings, edit: SettingsEdit): PushSettings {
  const quietHours = edit.quietHours ?? settings.quietHours;
  return {
    enabled: edit.enabled ?? settings.enabled,
    showContent: edit.showContent ?? settings.showContent,
    quietHours: quietHours?.fromMinute === quietHours?.toMinute ? null : quietHours,
  };
}

/** Whether a moment (ms since 1970) lies in the quiet hours. */
export function isQuiet({ quietHours }: PushSettings, atMs: number): boolean {
  if (quietHours === null) return false;
  const { fromMinute, toMinute } = quietHours;
  const minute = minuteOfDay(quietHours, atMs);
  return fromMinute < toMinute ? fromMinute <= minute && minute < toMinute : fromMinute <= minute || minute < toMinute;
}

function minuteOfDay({ zone, offsetMinutes }: QuietHours, atMs: number): number {
  if (zone === '') return modulo(Math.floor(atMs / MINUTE_MS) + offsetMinutes, DAY_MINUTES);
  const parts = clockOf(zone).formatToParts(atMs);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  return part('hour') * 60 + part('minute');
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en', { timeZone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function requireQuietHours({ fromMinute, toMinute, zone, offsetMinutes }: QuietHours): void {
  for (const [field, minute] of Object.entries({ from_minute: fromMinute, to_minute: toMinute })) {
    if (minute < 0 || minute >= DAY_MINUTES) {
      throw invalid(`quiet_hours.${field}`, `${minute}, 0 to ${DAY_MINUTES - 1} expected`);
    }
  }
  if (Math.abs(offsetMinutes) > OFFSET_MAX) {
    throw invalid('quiet_hours.offset_minutes', `${offsetMinutes}, ${-OFFSET_MAX} to ${OFFSET_MAX} expected`);
  }
  if (zone !== '' && !isZone(zone)) throw invalid('quiet_hours.zone', 'the IANA name of a time zone is expected');
}

function isZone(zone: string): boolean {
  if (zone.length > ZONE_LENGTH_MAX || !/^[A-Za-z]/.test(zone)) return false;
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}
