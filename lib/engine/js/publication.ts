/** A publish on its way, from publish() to its acknowledgement. */
import type { MessageFlags } from '../engine.js';
import { MESSAGE_EXPIRY_INTERVAL, placeOf } from './properties.js';

export interface Publication {
  topic: string;
  payload: Uint8Array | string;
  payloadLength: number;
  /** Nobody else can change the payload and the properties. */
  owned: boolean;
  flags: MessageFlags;
  properties: Uint8Array | undefined;
  slot: number;
  /** For the account of onCredit(): topic, properties and payload. */
  bytes: number;
  /** Packet Identifier, 0 before it is sent and with QoS 0. */
  id: number;
  /** 0: no PUBREC has come; else its place in the order of those that have. */
  released: number;
  /** While it waits: where the Message Expiry Interval stands in the properties, -1: it has none; and since when (performance.now). */
  expiryPlace: number;
  waitsSince: number;
}

export function publicationOf(
  topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number,
): Publication {
  const payloadLength = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const bytes = Buffer.byteLength(topic) + (properties === undefined ? 0 : properties.length) + payloadLength;
  return {
    topic, payload, payloadLength, owned: false, flags, properties, slot, bytes, id: 0, released: 0, expiryPlace: -1, waitsSince: 0,
  };
}

/** The caller's buffers are free again: what is needed later is copied. */
export function own(publication: Publication): void {
  if (publication.owned) return;
  const { payload, properties } = publication;
  if (typeof payload !== 'string') {
    publication.payload = Buffer.from(payload);
  }
  if (properties !== undefined) {
    publication.properties = new Uint8Array(properties);
  }
  publication.owned = true;
}

/** It waits from now on, and its Message Expiry Interval runs. It must be owned. */
export function startWaiting(publication: Publication): void {
  const { properties } = publication;
  if (properties === undefined) return;
  publication.expiryPlace = placeOf(properties, MESSAGE_EXPIRY_INTERVAL);
  if (publication.expiryPlace >= 0) {
    publication.waitsSince = performance.now();
  }
}

/** It waits no longer: the whole seconds it has waited are taken off its Message Expiry Interval. False: none are left. */
export function endWaiting({ expiryPlace, waitsSince, properties }: Publication): boolean {
  if (expiryPlace < 0) return true;
  const waited = Math.floor((performance.now() - waitsSince) / 1000);
  if (waited === 0) return true;
  const value = new DataView(properties!.buffer, properties!.byteOffset + expiryPlace, 4);
  const left = value.getUint32(0) - waited;
  if (left <= 0) return false;
  value.setUint32(0, left);
  return true;
}
