export { foldCommits } from './commit.js';
export type { Commit, CommitDocument, Fold, Loaded, StoredEvent } from './commit.js';
export { CONFLICT_RETRIES_MAX, EventStore } from './event-store.js';
export type { Alongside, ExecuteManyOptions, ExecuteOptions, Executed, StreamCommand } from './event-store.js';
export { EventReader, READ_EVENTS_PAGE_MAX, type EventReaderOptions } from './event-reader.js';
export { JoinedReader, type EventSource } from './joined-reader.js';
export { Ground, type GroundOptions } from './ground.js';
export { ownerOf, type Owner } from './owner.js';
export { Outbox, type OutboxParts } from './outbox.js';
export { startProjection, type Projection, type ProjectionOptions } from './projection.js';
export {
  askRebuild,
  rebuildableViews,
  withdrawRebuild,
  type RebuildState,
  type RebuildStatus,
} from './rebuild-control.js';
export { prepareView } from './rebuild-watch.js';
export { startRounds, type Held, type LeaseName, type Rounds, type RoundsOptions } from './leased-rounds.js';
export { FROM_STORE, judge, type Judgement, type Met } from './version-rule.js';
export type { Fields, FoldedDocument, StreamRecord, View } from './view.js';
export { ViewWriter, type WriterOptions } from './view-writer.js';
export { RELAY_BATCH_MAX, RELAY_POLL_MS, startRelay } from './relay.js';
export type { Publication, Relay, RelayOptions } from './relay.js';
export { STATE_SPACING_MS, stateUpdate, type StateDocument, type StateKind } from './state-document.js';
export { STATE_BATCH_MAX, STATE_POLL_MS, StateOutbox, type StateOutboxParts } from './state-outbox.js';
export { StateReader } from './state-reader.js';
export { SNAPSHOT_EVERY_EVENTS } from './snapshots.js';
export {
  TIMER_BATCH_MAX,
  TIMER_HANDLE_MAX_MS,
  TIMER_POLL_MS,
  Timers,
  type Timer,
  type TimersOptions,
} from './timers.js';
export { inTransaction } from './transaction.js';
export { upcasting, type Upcaster } from './upcaster.js';
