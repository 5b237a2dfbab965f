import { toDomainError, wire, type CommandInfo } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';

const TIMEOUT_MS = 15_000;

/** One command over the short link, in protobuf. Rejects with the error answered, or UNAVAILABLE. */
export async function postCommand(
  http: string,
  command: Pick<CommandInfo, 'name'>,
  body: Uint8Array,
  token?: string,
): Promise<Uint8Array> {
  const answer = await fetch(`${http}/cgi-bin/micromsg-bin/${command.name}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: body as Uint8Array<ArrayBuffer>,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw unavailable(http, 1000, error);
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (!answer.ok) throw toDomainError(wire.Error.decode(bytes));
  return bytes;
}
