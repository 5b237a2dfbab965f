import type { Logger } from '@magpie/observability';
import kafkajs, { type ISocketFactory, type Kafka as KafkaClient, type LogEntry } from 'kafkajs';
import { patchKafkajs } from './kafkajs-patch.js';

const { Kafka, logLevel } = kafkajs;

const RETRY = { initialRetryTime: 50, multiplier: 1.5, maxRetryTime: 500, retries: 8 };
const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 5_000;

/** A client of Kafka with the settings that were measured; what kafkajs calls an error is a warning here. */
export function kafkaClient(options: {
  brokers: readonly string[];
  clientId: string;
  logger: Logger;
  socketFactory?: ISocketFactory | undefined;
}): KafkaClient {
  patchKafkajs();
  return new Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    ...(options.socketFactory ? { socketFactory: options.socketFactory } : {}),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(options.logger, entry),
  });
}

function forward(logger: Logger, { level, namespace, log }: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log;
  if (level === logLevel.ERROR) logger.warn({ kafkajs: namespace, ...fields }, message);
  else logger.debug({ kafkajs: namespace, ...fields }, message);
}
