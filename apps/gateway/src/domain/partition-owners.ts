import { partitionOf } from '@magpie/domain';

/** An instance says that it does, or no longer does, serve a partition. */
export interface Ownership {
  readonly partition: number;
  readonly epoch: number;
  readonly owned: boolean;
}

interface Owner {
  readonly epoch: number;
  /** undefined = nobody serves it now; a lower epoch is not believed all the same. */
  readonly address: string | undefined;
}

/** Who serves which users: among several announcements of a partition the highest epoch wins. */
export class PartitionOwners {
  private readonly owners = new Map<number, Owner>();
  private partitions = 0;

  /** 0 = not told yet. */
  get count(): number {
    return this.partitions;
  }

  /** How many partitions the users are spread over; answers whether that is news. */
  spread(partitions: number): boolean {
    if (partitions === 0 || partitions === this.partitions) return false;
    this.partitions = partitions;
    this.owners.clear();
    return true;
  }

  /** Answers whether users have to be attached anew: the owner is another, or took the partition again. */
  announce(address: string, { partition, epoch, owned }: Ownership): boolean {
    const known = this.owners.get(partition);
    if (known !== undefined && epoch < known.epoch) return false;
    if (!owned && known?.address !== address) return false;
    const next = owned ? address : undefined;
    this.owners.set(partition, { epoch, address: next });
    return known?.address !== next || (owned && epoch > (known?.epoch ?? 0));
  }

  /** The instance cannot be reached any more; answers the partitions that it served. */
  gone(address: string): number[] {
    const left: number[] = [];
    for (const [partition, owner] of this.owners) {
      if (owner.address !== address) continue;
      this.owners.set(partition, { epoch: owner.epoch, address: undefined });
      left.push(partition);
    }
    return left;
  }

  /** undefined while nothing is known of the spread. */
  partitionOf(userId: string): number | undefined {
    return this.partitions === 0 ? undefined : partitionOf(userId, this.partitions);
  }

  /** Address of the instance that serves the user now. */
  ownerOf(userId: string): string | undefined {
    const partition = this.partitionOf(userId);
    return partition === undefined ? undefined : this.owners.get(partition)?.address;
  }
}
