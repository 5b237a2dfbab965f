export { foldCommits } from './commit.js';
export type { Commit, CommitDocument, Fold, Loaded, StoredEvent } from './commit.js';
export { CONFLICT_RETRIES_MAX, EventStore } from './event-store.js';
export type { Alongside, ExecuteManyOptions, ExecuteOptions, Executed, StreamCommand } from './event-store.js';
export { foldDocument, startProjection, type FoldedDocument, type ProjectionOptions } from './projection.js';
export { RELAY_BATCH_MAX, RELAY_POLL_MS, startRelay } from './relay.js';
export type { Publication, Relay, RelayOptions } from './relay.js';
export { SNAPSHOT_EVERY_EVENTS } from './snapshots.js';
export { upcasting, type Upcaster } from './upcaster.js';
