import type { Mistake } from './mistake.js';

const SEED = 7;

/** Mistakes in what the log promises: what is acknowledged, who owns a partition, which life of a log a place is of. */
export const LOG_MISTAKES: readonly Mistake[] = [
  {
    name: 'OK is answered before Kafka has the message',
    seed: SEED,
    edits: [
      {
        file: 'apps/messaging/src/clients/message-log.client.ts',
        find: 'const appended = await this.appender.appendAll(entries, signal);',
        replace: `void this.appender.appendAll(entries, signal).catch(() => undefined);
    const partition = this.log.partitionFor(MESSAGE_TOPIC, conversation);
    const appended = entries.map(() => ({ partition, generation: 1, offset: 0, position: 0, appendedAtMs: Date.now() }));`,
      },
    ],
    rows: ['kafka away, then messaging and sync killed'],
  },
  {
    name: 'checkpoints are written whatever their epoch',
    seed: SEED,
    edits: [
      {
        file: 'libs/event-log/src/checkpoints.ts',
        find: 'filter: { _id: id, epoch },',
        replace: 'filter: { _id: id, epoch: { $gte: Math.min(epoch, 0) } },',
      },
    ],
    rows: ['sync frozen at checkpoint.before-write'],
  },
  {
    name: 'a generation does not rise after a wipe',
    seed: SEED,
    edits: [
      {
        file: 'libs/event-log/src/generation-check.ts',
        find: 'if (!lost && !shortened && !refuted) return document.generation;',
        replace: 'if ((!lost && !shortened && !refuted) || document.generation > 0) return document.generation;',
      },
    ],
    rows: ['kafka wiped'],
  },
  {
    name: 'a reader takes the generation from its own notes',
    seed: SEED,
    edits: [
      {
        file: 'libs/event-log/src/record.ts',
        find: 'const GENERATION_TAG = 0x08;',
        replace: 'const GENERATION_TAG = 0x08;\nconst NOTES = new Map<string, number>();',
      },
      {
        file: 'libs/event-log/src/record.ts',
        find: 'const { generation, version, requestId, events } = event.Record.decode(message.value ?? Buffer.alloc(0));',
        replace: `const { generation: told, version, requestId, events } = event.Record.decode(message.value ?? Buffer.alloc(0));
    const generation = NOTES.get(\`\${topic}/\${partition}\`) ?? told;
    NOTES.set(\`\${topic}/\${partition}\`, generation);`,
      },
    ],
    rows: ['kafka wiped'],
  },
  {
    name: 'repeats are not dropped',
    seed: SEED,
    edits: [
      {
        file: 'libs/event-log/src/drop-repeats.ts',
        find: 'return last < at - this.windowMs;',
        replace: 'return last < at - this.windowMs || at > 0;',
      },
    ],
    rows: ['dies at messages.after-append', 'dies at gateway.before-answer'],
  },
];
