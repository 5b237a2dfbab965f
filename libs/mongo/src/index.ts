export type { Connection } from 'mongoose';
export { collectionOf, ensureIndexes, type Collection, type Document, type IndexSpec } from './collection.js';
export { connectMongo } from './connect.js';
export { isDuplicateKey, isTransient, writeErrorsOf, type BulkWriteError } from './errors.js';
export { GroupInsert, type GroupInsertOptions, type InsertOutcome, type InsertPort } from './group-insert.js';
export { holdLease, takeLease, type Lease, type LeaseKeeper, type LeaseOptions } from './lease.js';
