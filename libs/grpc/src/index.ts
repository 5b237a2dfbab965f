export type {
  AnyCodec,
  Codec,
  DuplexNames,
  GenericDefinition,
  GenericMethod,
  RequestOf,
  ResponseOf,
  UnaryNames,
} from './definition.js';
export type {
  Caller,
  DuplexStream,
  Exchange,
  ExchangeCall,
  Handlers,
  PeerStream,
  Streams,
  UnaryClient,
} from './handlers.js';
export { Peers } from './peers.js';
export { GrpcServer } from './server.js';
