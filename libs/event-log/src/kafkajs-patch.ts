import { createRequire } from 'node:module';
import { encodeProduce, isPlain, type Checksum, type ProduceArguments } from './produce-request.js';

/**
 * Faults of kafkajs 2.2.4, mended in place (its last release; measured: an idle client used 2.6 % of a core,
 * 0.5 % after the first change; encoding what is produced cost 10 % of the process at 2 000 msg/s).
 */
const require = createRequire(import.meta.url);

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
}

interface ProtocolRequest {
  encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
}

type RequestOf = (args: ProduceArguments) => { request: ProtocolRequest; response: object };

interface Broker {
  apiVersions(): Promise<unknown>;
  lookupRequest(apiKey: number, definition: object): RequestOf;
}

interface ConsumerGroup {
  groupId: string;
  cluster: { findGroupCoordinator(group: { groupId: string }): Promise<Coordinator> };
  maxWaitTime: number;
  subscriptionState: { active(): { partitions: number[] }[] };
}

interface Runner {
  running: boolean;
  consumerGroup: { memberId: string | null; leave(): Promise<void> };
}

interface Coordinator {
  describeGroups(groups: { groupIds: string[] }): Promise<{ groups: { members: unknown[] }[] }>;
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
}

/** A consumer whose partitions are all paused looks again after that long, instead of a whole `maxWaitTime`. */
const PAUSED_WAIT_MS = 50;

let applied = false;

/** Applies the changes once per process; to be called before the first client is made. */
export function patchKafkajs(): void {
  if (applied) return;
  applied = true;
  stopIdleTimers();
  shortenPausedWait();
  produceInOneBuffer();
  askBeforeJoining();
  arriveBeforeJoining();
  leaveBeforeStopping();
}

const arrivals = new Map<string, Arrival>();
/**
 * Groups that are being left for good. A heartbeat under way learns that its member is none any more, and kafkajs then
 * joined again in the midst of its farewell: the others shared the partitions with it, and once more when it was gone.
 */
const left = new WeakSet<object>();

/** What comes before the next join of this process to a group. */
export interface Arrival {
  /** Puts that member out: it is known to be gone. */
  readonly former?: string | undefined;
  /** Done first when the group has members, who work on meanwhile; a failure is passed over. */
  readonly rehearse?: (() => Promise<void>) | undefined;
}

export function beforeJoining(groupId: string, arrival: Arrival): void {
  arrivals.set(groupId, arrival);
}

/** A join may wait long for the others: over a connection whose other end is gone it waited that long for nothing. */
function askBeforeJoining(): void {
  const prototype = (require('kafkajs/src/broker') as { prototype: object }).prototype;
  wrap<Broker>(prototype, 'joinGroup', async (broker, original) => {
    await broker.apiVersions();
    return original();
  });
}

function arriveBeforeJoining(): void {
  const prototype = (require('kafkajs/src/consumer/consumerGroup') as { prototype: object }).prototype;
  wrap<ConsumerGroup>(prototype, 'joinAndSync', async (group, original) => {
    if (left.has(group)) return undefined;
    const { groupId } = group;
    const arrival = arrivals.get(groupId);
    arrivals.delete(groupId);
    if (arrival) await arrive(group, arrival);
    return left.has(group) ? undefined : original();
  });
}

async function arrive({ groupId, cluster }: ConsumerGroup, { former, rehearse }: Arrival): Promise<void> {
  const coordinator = await cluster.findGroupCoordinator({ groupId }).catch(() => undefined);
  try {
    if (former) await coordinator?.leaveGroup({ groupId, memberId: former });
  } catch {
    // It was put out already, or the group waits for it as it would have without this.
  }
  try {
    const others = rehearse && (await coordinator?.describeGroups({ groupIds: [groupId] }));
    if (others?.groups[0]?.members.length) await rehearse!();
  } catch {
    // It takes over unrehearsed.
  }
}

/** It took leave only when the fetch under way had come back, so that the others waited for up to `maxWaitTime`. */
function leaveBeforeStopping(): void {
  const prototype = (require('kafkajs/src/consumer/runner') as { prototype: object }).prototype;
  wrap<Runner>(prototype, 'stop', async (runner, original) => {
    // Whoever has left sends no heartbeat; its second farewell says nothing, unless it was made to join again meanwhile.
    const { running, consumerGroup: group } = runner;
    const { memberId } = group;
    if (running) {
      left.add(group);
      await group.leave().catch(() => {
        // Nor is one that was not heard said once more, for as many tries.
        if (group.memberId === memberId) group.memberId = null;
      });
    }
    return original();
  });
}

/** The queue of requests set itself a timer of 1 ms for ever, with nothing to check and with negative times. */
function stopIdleTimers(): void {
  const prototype = (require('kafkajs/src/network/requestQueue') as { prototype: object }).prototype;
  wrap<RequestQueue>(prototype, 'scheduleCheckPendingRequests', (queue, original) => {
    if (queue.pending.length > 0 || queue.throttledUntil > Date.now()) return original();
    return undefined;
  });
}

/** With nothing to fetch it slept for `maxWaitTime`, so that a resumed partition waited for up to half a second. */
function shortenPausedWait(): void {
  const prototype = (require('kafkajs/src/consumer/consumerGroup') as { prototype: object }).prototype;
  wrap<ConsumerGroup>(prototype, 'fetch', async (group, original) => {
    if (group.subscriptionState.active().some(({ partitions }) => partitions.length > 0)) return original();
    const usual = group.maxWaitTime;
    group.maxWaitTime = PAUSED_WAIT_MS;
    try {
      return await original();
    } finally {
      group.maxWaitTime = usual;
    }
  });
}

/** Every record went through growing buffers of its own, copied four times. */
function produceInOneBuffer(): void {
  const checksum = require('kafkajs/src/protocol/recordBatch/crc32C') as Checksum;
  const prototype = (require('kafkajs/src/broker') as { prototype: object }).prototype;
  wrap<Broker>(prototype, 'produce', (broker, original) => {
    const usual = broker.lookupRequest;
    broker.lookupRequest = (apiKey, definition) => inOneBuffer(usual(apiKey, definition), checksum);
    try {
      // It looks the request up before it first waits for anything.
      return original();
    } finally {
      broker.lookupRequest = usual;
    }
  });
}

function inOneBuffer(requestOf: RequestOf, checksum: Checksum): RequestOf {
  return (args) => {
    const made = requestOf(args);
    if (!isPlain(args)) return made;
    const encode = (): Promise<{ buf: Buffer; buffer: Buffer }> => {
      const buffer = encodeProduce(args, checksum);
      return Promise.resolve({ buf: buffer, buffer });
    };
    return { ...made, request: { ...made.request, encode } };
  };
}

function wrap<Self>(prototype: object, name: string, around: (self: Self, original: () => unknown) => unknown): void {
  const methods = prototype as Record<string, (...parameters: unknown[]) => unknown>;
  const original = methods[name];
  if (!original) throw new Error(`kafkajs has no ${name}: not the version that this patch is for`);
  methods[name] = function (this: Self, ...parameters: unknown[]) {
    return around(this, () => original.apply(this, parameters));
  };
}
