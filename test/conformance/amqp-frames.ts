/** AMQP 0-9-1, 2.3: type (1 byte), channel (2), size of the payload (4), payload, end mark (1). */
const HEAD_BYTES = 7;
const PROTOCOL_HEADER_BYTES = 8;
/** Method frame; class 60 (basic), method 40 (publish). */
const METHOD = 1;
const BASIC_PUBLISH = 0x003c0028;

/** Follows what a client says on one connection, keeping no more than the head of the current frame. */
export class AmqpFrames {
  /** What is left of the current frame's payload, or of the protocol header before the first. */
  private skip = PROTOCOL_HEADER_BYTES;
  private head = Buffer.alloc(0);

  /** Whether a message begins to be published in this chunk. */
  publishes(chunk: Buffer): boolean {
    let found = false;
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.skip, chunk.length - at);
      this.skip -= skipped;
      at += skipped;
      if (this.skip > 0) break;
      const wanted = HEAD_BYTES + 4 - this.head.length;
      this.head = Buffer.concat([this.head, chunk.subarray(at, at + wanted)]);
      at += Math.min(wanted, chunk.length - at);
      // A heartbeat is shorter than a method: its frame ends with the end mark.
      const isShort = this.head.length >= HEAD_BYTES + 1 && this.head.readUInt32BE(3) === 0;
      if (isShort) {
        at -= this.head.length - HEAD_BYTES - 1;
        this.head = Buffer.alloc(0);
      } else if (this.head.length === HEAD_BYTES + 4) {
        found ||= this.head[0] === METHOD && this.head.readUInt32BE(HEAD_BYTES) === BASIC_PUBLISH;
        this.skip = this.head.readUInt32BE(3) + 1 - 4;
        this.head = Buffer.alloc(0);
      }
    }
    return found;
  }
}
