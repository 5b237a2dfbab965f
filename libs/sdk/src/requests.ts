/** A friend request or a request to join, in one of its states. */
interface AnyRequest {
  /** 1 = it waits. */
  readonly state: number;
  /** Of its last change. */
  readonly atMs: number;
}

const PENDING = 1;

/**
 * Whether a state of a request takes the place of the known one. It may be asked again while it waits. What became of it
 * stays, whatever a clock at the server says.
 */
export function supersedes(request: AnyRequest, known: AnyRequest | undefined): boolean {
  if (known === undefined) return true;
  return known.state === PENDING && (request.state !== PENDING || request.atMs > known.atMs);
}
