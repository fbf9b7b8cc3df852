import { abortedError, MqttError } from '../errors.js';
import { parsed, parsePublishOptions, payloadBytes, type Payload, type PublishOptions } from '../options/publish-options.js';
import { decodeProperties, NO_PROPERTIES } from '../protocol/properties.js';
import type { AckProperties } from '../protocol/property-types.js';
import { FIRST_ERROR, reasonText } from '../protocol/reason-codes.js';
import { topicBytes } from '../protocol/topic.js';
import type { Outgoing } from './outgoing.js';
import { Pending, type Settle } from './pending.js';
import { waitFor } from './wait.js';

/** The server's answer to a publish: PUBACK, or PUBREC and PUBCOMP. At QoS 0, where there is none, that it was written. */
export interface PublishResult {
  /** 0 success, 16 no matching subscribers. 0 at QoS 0 and in 3.1.1. */
  readonly reasonCode: number;
  /** MQTT 5; empty when there are none. */
  readonly properties: AckProperties;
}

/** Most publishes end like this: one object for all of them. */
const PUBLISHED: PublishResult = Object.freeze({ reasonCode: 0, properties: NO_PROPERTIES });

/** The executor of every publish's promise: one function for all, so that a publish makes no closure. What it captures is used at once. */
let captured: Settle;
function capture(resolve: (value: never) => void): void {
  captured = resolve as Settle;
}

/** publish(): one promise, settled by the engine. Anything wrong rejects it; nothing is thrown. */
export function publish(outgoing: Outgoing, topic: string, payload: Payload, options: PublishOptions | undefined): Promise<PublishResult> {
  const { pending } = outgoing;
  let promise: Promise<PublishResult> | undefined;
  let slot = -1;
  try {
    let flags = 0;
    let properties: Uint8Array | undefined;
    let { ticks } = outgoing;
    let signal: AbortSignal | undefined;
    if (options !== undefined) {
      parsePublishOptions('publish', options);
      ({ flags, properties, signal } = parsed);
      if (parsed.timeout !== undefined) ticks = Pending.ticks(parsed.timeout);
    }
    const topicLength = topicBytes(topic);
    const body = typeof payload === 'string' || payload instanceof Uint8Array ? payload : payloadBytes(payload);
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const { limits } = outgoing;
    if (limits === undefined) outgoing.checkWait(flags);
    else limits.checkPublish(flags, topicLength, length, properties);
    const bytes = topicLength + length + (properties === undefined ? 0 : properties.length);
    if (signal === undefined) {
      promise = new Promise<PublishResult>(capture);
      slot = pending.add(captured, ticks, outgoing.started(flags));
    } else {
      if (signal.aborted) throw abortedError(signal);
      ({ promise, slot } = waitFor<PublishResult>(pending, ticks, signal, outgoing.started(flags)));
    }
    outgoing.submit(topic, body, flags, properties, slot, bytes);
    return promise;
  } catch (error) {
    if (promise === undefined) return Promise.reject(error);
    pending.refuse(slot, error);
    return promise;
  }
}

/** onPublished(): the engine's answer to the publish with this slot. */
export function published(outgoing: Outgoing, slot: number, reasonCode: number, properties: Uint8Array | undefined): void {
  outgoing.answered(slot);
  if (reasonCode === 0 && properties === undefined) outgoing.pending.deliver(slot, PUBLISHED);
  else answered(outgoing.pending, slot, reasonCode, properties);
}

function answered(pending: Pending, slot: number, reasonCode: number, bytes: Uint8Array | undefined): void {
  let properties: AckProperties = NO_PROPERTIES;
  if (bytes !== undefined) {
    try {
      properties = decodeProperties('ack', bytes);
    } catch (error) {
      pending.fail(slot, error as MqttError);
      return;
    }
  }
  if (reasonCode < FIRST_ERROR) {
    pending.deliver(slot, Object.freeze({ reasonCode, properties }));
  } else {
    const text = properties.reasonString === undefined ? '' : `: ${properties.reasonString}`;
    pending.fail(slot, new MqttError('ERR_MQTT_PUBLISH', `the server refused the message: ${reasonText(reasonCode)}${text}`, { reasonCode, properties }));
  }
}
