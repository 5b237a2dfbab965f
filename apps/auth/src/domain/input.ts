import { invalid, requireAscii, requireText } from '@magpie/domain';
import { COMMAND_ID_LENGTH, DEVICE_ID_LENGTH, DEVICE_NAME_LENGTH, NICKNAME_LENGTH, PASSWORD_LENGTH } from './limits.js';
import type { DeviceInfo } from './sessions.js';

/** Printable ASCII, the same on every retry of a command. */
export function requireCommandId(commandId: string): string {
  return requireAscii('command_id', commandId, COMMAND_ID_LENGTH);
}

export function requirePassword(password: string): string {
  return requireText('password', password, PASSWORD_LENGTH);
}

export function requireNickname(nickname: string): string {
  return requireText('nickname', nickname.trim(), NICKNAME_LENGTH);
}

export function requireDeviceId(field: string, deviceId: string): string {
  return requireAscii(field, deviceId, DEVICE_ID_LENGTH);
}

/** `platforms`: the numbers that the contract knows. */
export function requireDevice(device: DeviceInfo | undefined, platforms: ReadonlySet<number>): DeviceInfo {
  if (!device) throw invalid('device', 'is missing');
  if (!platforms.has(device.platform)) throw invalid('device.platform', `${device.platform} is no platform`);
  return {
    deviceId: requireDeviceId('device.device_id', device.deviceId),
    name: requireText('device.name', device.name.trim(), DEVICE_NAME_LENGTH),
    platform: device.platform,
  };
}
