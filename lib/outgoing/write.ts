import { parsed, parsePublishOptions, payloadBytes, type Payload, type WriteOptions } from '../options/publish-options.js';
import { topicBytes } from '../protocol/topic.js';
import type { Outgoing } from './outgoing.js';

/** write(): a publish nobody waits for. Throws where publish() rejects; returns whether the producer may go on. */
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
  const { limits } = outgoing;
  if (limits === undefined) throw outgoing.unavailable();
  limits.checkPublish(flags, topicLength, length, properties);
  outgoing.submit(topic, body, flags, properties, -1, topicLength + length + (properties === undefined ? 0 : properties.length));
  return outgoing.hasRoom();
}
