import { randomInt } from 'node:crypto';
import { NO_PROPERTIES } from '../protocol/properties.js';
import type { MessageProperties } from '../protocol/property-types.js';
import { MAX_VARINT, varintSize, writeVarint } from '../protocol/varint.js';

/** Subscription Identifier (3.3.2.3.8, 3.8.2.1.2). */
const IDENTIFIER = 11;

/**
 * Where automatic identifiers begin. Applications number theirs from 1: what is theirs and what is the client's must not be mistaken for
 * each other. From here to 16,383 they still take two bytes.
 */
export const FIRST_AUTOMATIC = 8192;
const FIRST_OF_THREE_BYTES = 16_384;
const LAST_RANDOM = 2_000_000;

/** Properties of SUBSCRIBE with an identifier in front. */
export function withIdentifier(identifier: number, properties: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(1 + varintSize(identifier) + (properties?.length ?? 0));
  bytes[0] = IDENTIFIER;
  const end = writeVarint(bytes, 1, identifier);
  if (properties !== undefined) bytes.set(properties, end);
  return bytes;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Reads the Subscription Identifiers among encoded properties, one after another, without making anything. */
export class IdentifierReader {
  #bytes = NOTHING;
  #at = 0;
  #end = 0;

  /** Begins with `bytes[start, end)`. */
  set(bytes: Uint8Array, start: number, end: number): this {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    return this;
  }

  /** The next identifier; 0 when there is none. The engine's guard has checked the bytes; what it would refuse ends the reading here. */
  next(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    while (at < end) {
      switch (bytes[at++]) {
        case IDENTIFIER: {
          let value = 0;
          for (let shift = 0; shift < 28 && at < end; shift += 7) {
            const byte = bytes[at++]!;
            value |= (byte & 127) << shift;
            if (byte < 128) {
              this.#at = at;
              return value;
            }
          }
          at = end;
          break;
        }
        case 1: // Payload Format Indicator
          at += 1;
          break;
        case 2: // Message Expiry Interval
          at += 4;
          break;
        case 35: // Topic Alias
          at += 2;
          break;
        case 3: // Content Type
        case 8: // Response Topic
        case 9: // Correlation Data
          at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
          break;
        case 38: // User Property
          at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
          at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
          break;
        default:
          at = end;
      }
    }
    this.#bytes = NOTHING;
    this.#at = this.#end = 0;
    return 0;
  }
}

interface Use {
  count: number;
  /** An application's own number. */
  given: boolean;
}

/**
 * The Subscription Identifiers of one client. One stays in use while a Subscription has it or the server may know a filter by it, which can
 * be longer:
 *   1. two Subscriptions subscribe to one filter, with 8,192 and then 8,193: the server has replaced the one by the other [MQTT-3.8.4-3];
 *   2. the second one is unsubscribed; the filter stays for the first, so the server is told nothing;
 *   3. messages of that filter still come with 8,193.
 */
export class Identifiers {
  readonly #uses = new Map<number, Use>();
  #first = FIRST_AUTOMATIC;
  #next = FIRST_AUTOMATIC;
  /** The highest automatic one so far. */
  #highest = 0;

  /** An automatic one, in use from now on. Upwards, so that a number is not taken again while messages with it may be on their way. */
  take(): number {
    while (this.#uses.has(this.#next)) this.#step();
    const identifier = this.#next;
    this.#step();
    if (identifier > this.#highest) this.#highest = identifier;
    this.#uses.set(identifier, { count: 1, given: false });
    return identifier;
  }

  #step(): void {
    this.#next = this.#next === MAX_VARINT ? this.#first : this.#next + 1;
  }

  /**
   * The server has a session from before this process, with messages in it that carry that one's automatic identifiers: they should not
   * be taken for ours. Three bytes.
   */
  avoidThoseBefore(): void {
    if (this.#highest === 0) this.#first = this.#next = randomInt(FIRST_OF_THREE_BYTES, LAST_RANDOM);
  }

  /** One more use; `given`: by the application. 0 is none. */
  retain(identifier: number, given = false): void {
    if (identifier === 0) return;
    const use = this.#uses.get(identifier);
    if (use === undefined) {
      this.#uses.set(identifier, { count: 1, given });
    } else {
      use.count++;
      use.given ||= given;
    }
  }

  release(identifier: number): void {
    const use = this.#uses.get(identifier);
    if (use !== undefined && --use.count === 0) this.#uses.delete(identifier);
  }

  /** What the application sees of a message's properties: not the automatic identifiers, those no longer in use included. */
  visible(properties: MessageProperties): MessageProperties {
    const all = properties.subscriptionIdentifiers;
    if (all === undefined || !all.some((one) => this.#isAutomatic(one))) return properties;
    const { subscriptionIdentifiers: _, ...rest } = properties;
    const given = all.filter((one) => !this.#isAutomatic(one));
    if (given.length > 0) return { ...rest, subscriptionIdentifiers: given };
    return Object.keys(rest).length > 0 ? rest : NO_PROPERTIES;
  }

  #isAutomatic(identifier: number): boolean {
    return identifier >= this.#first && identifier <= this.#highest && this.#uses.get(identifier)?.given !== true;
  }
}
