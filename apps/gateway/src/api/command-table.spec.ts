import { COMMANDS } from '@magpie/contracts';
import { descriptors } from '@magpie/contracts/descriptor';
import { commandTable } from './command-table.js';

// Goal: every command that a service marks can be called, with nothing written here for it. Real: the descriptors.
describe('commandTable', () => {
  const table = commandTable(descriptors());

  it.each([...COMMANDS.values()])('knows $id $name', ({ id, name, auth, route, method }) => {
    const command = table.byId(id)!;
    expect(table.byName(name)).toBe(command);
    expect(command).toMatchObject({ session: auth === 'SESSION', ownerOnly: route === 'USER' });
    expect(method.startsWith(`magpie.${command.service}.v1.`)).toBe(true);
  });

  it('knows no rpc that is not a client’s', () => {
    expect(table.byName('ListKeys')).toBeUndefined();
    expect(table.byId(0)).toBeUndefined();
  });
});
