import type { ChannelOptions } from '@grpc/grpc-js';

/** Largest message on any link between services. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** A batch on an Exchange stream holds no more than this, unless a single item is larger. */
export const BATCH_BYTES_MAX = 1024 * 1024;
export const BATCH_ITEMS_MAX = 1_024;

/** The window of one Exchange stream: outstanding items and bytes of their bodies. */
export const WINDOW_ITEMS_MAX = 1_024;
export const WINDOW_BYTES_MAX = 4 * 1024 * 1024;

/** A serving stream stops reading at so many unanswered items, and refuses more when so many overdue handlers run. */
export const IN_FLIGHT_MAX = 1_024;
export const OVERDUE_MAX = 4_096;

/** How often deadlines are looked at; an answer may come so much later than its time-out. */
export const SWEEP_MS = 25;

export const TIMEOUT_DEFAULT_MS = 5_000;
export const TIMEOUT_MAX_MS = 60_000;

/** First and longest wait before a broken stream is made again; each is shortened by up to a half at random. */
export const RECONNECT_FIRST_MS = 100;
export const RECONNECT_MAX_MS = 300;

/** Messages of a stream that wait for their reader before the transport is paused. */
export const UNREAD_MAX = 64;

/** Peers on one machine or in one cluster: a silent one is dead after ten seconds. */
const KEEPALIVE_MS = 5_000;
const FLOW_WINDOW_BYTES = 1024 * 1024;

/** Options of every server and channel. */
export const TRANSPORT_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_MS,
  'grpc-node.flow_control_window': FLOW_WINDOW_BYTES,
};

/** Options of channels only. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  ...TRANSPORT_OPTIONS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': RECONNECT_FIRST_MS,
  'grpc.max_reconnect_backoff_ms': RECONNECT_MAX_MS,
  // Closing one set of peers must not touch another's connections.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  // A broken call is reported; who made it knows whether it may be made again.
  'grpc.enable_retries': 0,
};
