import { inspect } from 'node:util';
import type { MessageFlags } from '../engine/engine.js';
import { MqttError, optionError } from '../errors.js';
import { decodeProperties, NO_PROPERTIES } from '../protocol/properties.js';
import type { MessageProperties } from '../protocol/property-types.js';
import { ACK_CODES } from '../protocol/reason-codes.js';
import type { AckLine } from './acks.js';
import { IdentifierReader } from './identifiers.js';

/** A received message. Nothing is decoded before it is asked for. */
export interface Message {
  /** The topic name it was published to. */
  readonly topic: string;
  /**
   * The payload, without a copy: a view of memory that other messages share, so keeping one keeps up to 16 KiB. Call detach() to keep it
   * for long. With the native engine a message of 64 KiB and more has memory of its own, larger than the message by an eighth at most. The
   * `buffer` holds other bytes too: use the view, and do not transfer it.
   */
  readonly payload: Buffer;
  /** Bytes of the payload. */
  readonly length: number;
  /** The payload as UTF-8 text, ill-formed bytes as U+FFFD. */
  text(): string;
  /** The payload as JSON; throws a SyntaxError when it is none. */
  json<T = unknown>(): T;
  /** The QoS the server sent it with. */
  readonly qos: 0 | 1 | 2;
  /** Whether it was kept by the server from before the subscription (or, with `retainAsPublished`, was published so). */
  readonly retain: boolean;
  /** Whether the server may have sent it before. */
  readonly dup: boolean;
  /** MQTT 5; empty when there are none. */
  readonly properties: MessageProperties;
  /**
   * Acknowledges now, instead of when the handler's promise has settled, the loop asks for the next message, or the 'message' listeners
   * have returned. The first call decides. Acknowledgements leave in order of arrival, so an earlier message that is still held holds this
   * one. Does nothing at QoS 0, when the message is acknowledged already, or when a handler has failed on it with
   * `onHandlerError: 'disconnect'`. When the connection it came by has ended nothing is sent for it any more, but at QoS 2 the server is
   * answered, and the message not delivered again, when the server repeats it.
   *
   * @param reasonCode - Default 0. MQTT 5 takes 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97 and 0x99 too; 3.1.1 refuses them with
   * `ERR_MQTT_NOT_SUPPORTED`.
   * @throws MqttError `ERR_MQTT_OPTION` for another code.
   */
  ack(reasonCode?: number): void;
  /** Copies payload and properties out of the shared memory. Returns the message. */
  detach(): this;
}

type ViewConstructor = new (memory: ArrayBufferLike, offset: number, length: number) => Buffer;

/**
 * Makes a Buffer without Buffer.from()'s checks of its arguments, in half the time. Node's own class for that is the species of Buffer;
 * should it ever be another, a class of ours whose objects are Buffers by `instanceof` takes its place.
 */
function viewConstructor(): ViewConstructor {
  const own = (Buffer as unknown as Record<symbol, unknown>)[Symbol.species] as ViewConstructor | undefined;
  if (own !== undefined && own.prototype === Buffer.prototype) return own;
  class PayloadView extends Uint8Array {}
  Object.setPrototypeOf(PayloadView.prototype, Buffer.prototype);
  return PayloadView as unknown as ViewConstructor;
}

const PayloadView = viewConstructor();

type Utf8Slice = (this: Uint8Array, start: number, end: number) => string;
const { utf8Slice } = Buffer.prototype as unknown as { utf8Slice: Utf8Slice };

/** Slabs above this many bytes hold one message, and would be kept for nothing. */
const SHARED_BYTES = 65_536;

/** Memory of messages, with what it takes to make a view of it. Asked for once: V8 leaves compiled code for either of the two. */
class Slab {
  readonly memory: ArrayBufferLike;
  readonly start: number;

  constructor(readonly bytes: Uint8Array) {
    this.memory = bytes.buffer;
    this.start = bytes.byteOffset;
  }
}

/** That of the latest message: the next one mostly lies in the same. */
let latest = new Slab(Buffer.alloc(0));

function slabOf(bytes: Uint8Array): Slab {
  const slab = new Slab(bytes);
  if (bytes.length <= SHARED_BYTES) latest = slab;
  return slab;
}

/** Stands in until the message is handed out. */
const NO_ACKS = undefined as unknown as AckLine;

/** Not answered by ack() yet. */
export const OPEN = -1;
/** A handler has failed, and the message is not to be acknowledged while the connection it came by stands. */
export const HELD = -2;

/** One for all: it is read to the end where it is begun. */
const identifierReader = new IdentifierReader();

/** The one implementation of Message. Its fields are written by the dispatcher and the acks; users see the interface. */
export class IncomingMessage implements Message {
  // `declare`: fields are made once, by the constructor, in this order. This runs for every message that arrives.
  declare readonly topic: string;
  declare private slab: Slab;
  declare private offset: number;
  declare readonly length: number;
  declare private propertiesOffset: number;
  declare private readonly propertiesLength: number;
  declare readonly flags: MessageFlags;
  /** Of the engine it came by. Set when it is handed out. */
  declare acks: AckLine;
  /** Who still works on it: the dispatcher, each inbox it waits in, each handler whose promise is open. At 0 it is done with. */
  declare holds: number;
  /** The reason code given to ack(), OPEN or HELD. */
  declare answer: number;
  declare private view: Buffer | undefined;
  declare private decoded: MessageProperties | undefined;

  constructor(
    topic: string,
    slab: Uint8Array,
    offset: number,
    length: number,
    propertiesOffset: number,
    propertiesLength: number,
    flags: MessageFlags,
  ) {
    this.topic = topic;
    this.slab = slab === latest.bytes ? latest : slabOf(slab);
    this.offset = offset;
    this.length = length;
    this.propertiesOffset = propertiesOffset;
    this.propertiesLength = propertiesLength;
    this.flags = flags;
    this.acks = NO_ACKS;
    this.holds = 1;
    this.answer = OPEN;
    this.view = undefined;
    this.decoded = undefined;
  }

  get payload(): Buffer {
    const { view } = this;
    return view === undefined ? this.look() : view;
  }

  private look(): Buffer {
    const { slab } = this;
    const view = new PayloadView(slab.memory, slab.start + this.offset, this.length);
    this.view = view;
    return view;
  }

  text(): string {
    return utf8Slice.call(this.slab.bytes, this.offset, this.offset + this.length);
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  get qos(): 0 | 1 | 2 {
    return (this.flags & 3) as 0 | 1 | 2;
  }

  get retain(): boolean {
    return (this.flags & 4) !== 0;
  }

  get dup(): boolean {
    return (this.flags & 8) !== 0;
  }

  get properties(): MessageProperties {
    if (this.propertiesLength === 0) return NO_PROPERTIES;
    if (this.decoded === undefined) {
      const end = this.propertiesOffset + this.propertiesLength;
      this.decoded = this.acks.identifiers.visible(decodeProperties('publish-in', this.slab.bytes, this.propertiesOffset, end));
    }
    return this.decoded;
  }

  get hasProperties(): boolean {
    return this.propertiesLength !== 0;
  }

  /** Its Subscription Identifiers, automatic ones included, to be read to the end before those of the next message. */
  identifiers(): IdentifierReader {
    return identifierReader.set(this.slab.bytes, this.propertiesOffset, this.propertiesOffset + this.propertiesLength);
  }

  ack(reasonCode = 0): void {
    if (!ACK_CODES.has(reasonCode)) throw optionError('ack: reasonCode', 'must be one of 0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99');
    if (reasonCode !== 0 && this.acks.protocolVersion === 4) {
      throw new MqttError('ERR_MQTT_NOT_SUPPORTED', 'ack: MQTT 3.1.1 has no reason codes');
    }
    if (this.answer !== OPEN || this.qos === 0) return;
    this.answer = reasonCode;
    this.acks.advance();
  }

  detach(): this {
    const copy = Buffer.allocUnsafeSlow(this.length + this.propertiesLength);
    const { bytes } = this.slab;
    copy.set(bytes.subarray(this.offset, this.offset + this.length));
    copy.set(bytes.subarray(this.propertiesOffset, this.propertiesOffset + this.propertiesLength), this.length);
    this.slab = new Slab(copy);
    this.offset = 0;
    this.propertiesOffset = this.length;
    this.view = undefined;
    return this;
  }

  /** Whether it may be acknowledged: nobody works on it, or ack() was called; and it is not held. */
  get finished(): boolean {
    return this.answer >= 0 || (this.holds === 0 && this.answer === OPEN);
  }

  /** The reason code to acknowledge it with, once it is finished. */
  get reasonCode(): number {
    return this.answer < 0 ? 0 : this.answer;
  }

  /** One of those who hold it is done. */
  release(): void {
    if (--this.holds === 0) this.acks.released(this);
  }

  [inspect.custom](): unknown {
    const { topic, payload, qos, retain, dup, properties } = this;
    return { topic, payload, qos, retain, dup, properties };
  }
}
