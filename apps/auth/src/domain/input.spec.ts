import { requireCommandId, requireDevice, requireNickname, requirePassword } from './input.js';

const platforms = new Set([0, 1, 2]);
const device = { deviceId: 'device-1', name: 'Phone', platform: 1 };
const refusing = (field: string) =>
  expect.objectContaining({ code: 'INVALID', details: [expect.objectContaining({ field })] });

// Goal: the contract's bounds, counted in code points, each naming its field. Pure.
describe('input', () => {
  it('takes what lies on the bounds', () => {
    expect(requireNickname('  鹊  ')).toBe('鹊');
    expect(requireNickname('😀'.repeat(32))).toBe('😀'.repeat(32));
    expect(requireNickname('e\u0301')).toBe('\u00e9');
    expect(requirePassword('x'.repeat(8))).toHaveLength(8);
    expect(requirePassword('😀'.repeat(128))).toHaveLength(256);
    expect(requireCommandId('c'.repeat(64))).toHaveLength(64);
    expect(requireDevice({ deviceId: 'd'.repeat(64), name: '', platform: 0 }, platforms).deviceId).toHaveLength(64);
  });

  it.each([
    ['nickname', () => requireNickname('   ')],
    ['nickname', () => requireNickname('x'.repeat(33))],
    ['password', () => requirePassword('x'.repeat(7))],
    ['password', () => requirePassword('x'.repeat(129))],
    ['command_id', () => requireCommandId('')],
    ['command_id', () => requireCommandId('c'.repeat(65))],
    ['command_id', () => requireCommandId('clé')],
    ['device', () => requireDevice(undefined, platforms)],
    ['device.device_id', () => requireDevice({ ...device, deviceId: 'd'.repeat(7) }, platforms)],
    ['device.device_id', () => requireDevice({ ...device, deviceId: 'd'.repeat(65) }, platforms)],
    ['device.device_id', () => requireDevice({ ...device, deviceId: 'with space' }, platforms)],
    ['device.name', () => requireDevice({ ...device, name: 'n'.repeat(65) }, platforms)],
    ['device.platform', () => requireDevice({ ...device, platform: 9 }, platforms)],
  ])('refuses a wrong %s', (field, attempt) => {
    expect(attempt).toThrow(refusing(field));
  });
});
