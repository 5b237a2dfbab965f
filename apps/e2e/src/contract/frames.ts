export interface Frame {
  readonly operation: number;
  readonly sequence: number;
  readonly body: Buffer;
}

const HEADER_BYTES = 16;
const VERSION = 1;

/** Big-endian: packet length (4), header length (2), version (2), operation (4), sequence (4), then the body. */
export function writeFrame({ operation, sequence, body }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(HEADER_BYTES + body.length, 0);
  header.writeUInt16BE(HEADER_BYTES, 4);
  header.writeUInt16BE(VERSION, 6);
  header.writeUInt32BE(operation, 8);
  header.writeUInt32BE(sequence, 12);
  return Buffer.concat([header, body]);
}

/** Cuts what arrives, in pieces of any size, into frames; throws on a frame that no server may send. */
export class FrameCutter {
  private rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): Frame[] {
    this.rest = Buffer.concat([this.rest, bytes]);
    const frames: Frame[] = [];
    while (this.rest.length >= HEADER_BYTES && this.rest.length >= this.rest.readUInt32BE(0)) {
      const length = this.rest.readUInt32BE(0);
      const headerLength = this.rest.readUInt16BE(4);
      if (headerLength < HEADER_BYTES || headerLength > length || this.rest.readUInt16BE(6) !== VERSION) {
        throw new Error(`not a frame: ${this.rest.subarray(0, HEADER_BYTES).toString('hex')}`);
      }
      const operation = this.rest.readUInt32BE(8);
      const sequence = this.rest.readUInt32BE(12);
      frames.push({ operation, sequence, body: Buffer.from(this.rest.subarray(headerLength, length)) });
      this.rest = this.rest.subarray(length);
    }
    return frames;
  }
}
