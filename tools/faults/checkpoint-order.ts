/** What a checkpoint says, as it stands in a database. Without `next` nobody has worked there yet. */
export interface CheckpointSeen {
  readonly _id: string;
  readonly epoch: number;
  readonly next?: number;
  readonly generation?: number;
}

interface Known {
  epoch: number;
  place: Place;
  /** Its owner has written at least once. */
  written: boolean;
}

interface Place {
  readonly generation: number;
  readonly next: number;
}

/**
 * Follows checkpoints and tells which went back. An owner may begin behind the one before it, after a loss or because its
 * work goes back; from its first write on its places only rise, and so do epochs.
 */
export class CheckpointOrder {
  private readonly known = new Map<string, Known>();
  private readonly wentBack = new Set<string>();

  /** All checkpoints of one database at one moment; one that is not among them was deleted. */
  see(database: string, checkpoints: readonly CheckpointSeen[]): void {
    const prefix = `${database}: `;
    const there = new Set(checkpoints.map(({ _id }) => prefix + _id));
    for (const id of this.known.keys()) if (id.startsWith(prefix) && !there.has(id)) this.known.delete(id);
    for (const checkpoint of checkpoints) this.follow(prefix + checkpoint._id, checkpoint);
  }

  /** What went wrong so far, a line for each checkpoint and kind. */
  faults(): readonly string[] {
    return [...this.wentBack];
  }

  private follow(id: string, { epoch, next = 0, generation = 0 }: CheckpointSeen): void {
    const place = { generation, next };
    const before = this.known.get(id);
    if (before === undefined || epoch > before.epoch) {
      // Another place may be the last that the owner before wrote, unseen: only what comes next is the new one's.
      this.known.set(id, { epoch, place, written: false });
      return;
    }
    if (epoch < before.epoch) this.wentBack.add(`the epoch of checkpoint ${id} fell`);
    const risen = compare(place, before.place);
    if (risen < 0 && before.written) this.wentBack.add(`checkpoint ${id} went back`);
    this.known.set(id, { epoch, place, written: before.written || risen !== 0 });
  }
}

const compare = (a: Place, b: Place): number => a.generation - b.generation || a.next - b.next;
