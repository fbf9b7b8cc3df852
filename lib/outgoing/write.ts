import { parsed, parsePublishOptions, payloadBytes, type Payload, type WriteOptions } from '../options/publish-options.js';
import { topicBytes } from '../protocol/topic.js';
import type { Outgoing } from './outgoing.js';

/**
 * write(): a publish nobody waits for. Throws where publish() rejects before anything is taken; what fails later is told by onDrop().
 * Returns whether the producer may go on.
 */
export function write(outgoing: Outgoing, topic: string, payload: Payload, options: WriteOptions | undefined): boolean {
  let flags = 0;
  let properties: Uint8Array | undefined;
  if (options !== undefined) {
    parsePublishOptions('write', options);
    ({ flags, properties } = parsed);
  }
  const topicLength = topicBytes(topic);
  const body = typeof payload === 'string' || payload instanceof Uint8Array ? payload : payloadBytes(payload);
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const { limits, pending } = outgoing;
  if (limits === undefined) outgoing.checkWait(flags);
  else limits.checkPublish(flags, topicLength, length, properties);
  // At QoS 1 and 2 the server may refuse it, and somebody must hear of that.
  const slot = (flags & 3) === 0 ? -1 : pending.addWritten(outgoing.started(flags));
  try {
    outgoing.submit(topic, body, flags, properties, slot, topicLength + length + (properties === undefined ? 0 : properties.length));
  } catch (error) {
    if (slot !== -1) pending.refuse(slot, undefined);
    throw error;
  }
  return outgoing.hasRoom();
}
