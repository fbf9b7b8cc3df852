import { MqttError, optionError } from '../errors.js';
import { readVarint, writeVarint } from './varint.js';
import { PROPERTIES, TOPIC_ALIAS, type PropertyPlace, type PropertySpec } from './property-table.js';
import type { AckProperties, ConnackProperties, MessageProperties, ServerProperties } from './property-types.js';
import { MAX_STRING_BYTES, utf8Problem } from './utf8.js';

interface DecodedProperties {
  'connack': ConnackProperties;
  'publish-in': MessageProperties;
  'ack': AckProperties;
  'answer': ServerProperties;
}

/** Properties of any place, by name. */
export type PropertyValues = Readonly<Record<string, unknown>>;

/** No properties: shared, so that having none costs nothing. */
export const NO_PROPERTIES: Readonly<Record<string, never>> = Object.freeze({});

interface Place {
  readonly names: ReadonlyMap<string, PropertySpec>;
  readonly ids: ReadonlyMap<number, PropertySpec>;
}

const places = new Map<PropertyPlace, Place>();

function placeOf(place: PropertyPlace): Place {
  let found = places.get(place);
  if (found === undefined) {
    const specs = PROPERTIES.filter((p) => p.places.has(place));
    found = { names: new Map(specs.map((p) => [p.name, p])), ids: new Map(specs.map((p) => [p.id, p])) };
    places.set(place, found);
  }
  return found;
}

/** The names of the properties that may stand at a place. */
export function propertyNames(place: PropertyPlace): string[] {
  return [...placeOf(place).names.keys()];
}

// ---- out ------------------------------------------------------------------------------------------------------------------

/** Grows as needed and is used again: an object of properties is measured by writing it. Never handed out. */
let scratch = Buffer.allocUnsafeSlow(1024);
const KEPT = 64 * 1024;

function room(at: number, bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(scratch.length * 2, at + bytes));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}

/**
 * The bytes of the properties of an object, as on the wire without the length in front; undefined when there are none. Throws
 * ERR_MQTT_OPTION with `what` and the name of the property. The caller has refused unknown names before, with the names of its own options
 * beside them.
 */
export function encodeProperties(place: PropertyPlace, values: PropertyValues, what: string): Buffer | undefined {
  const { names } = placeOf(place);
  let at = 0;
  for (const name in values) {
    const value = values[name];
    if (value === undefined) continue;
    const property = names.get(name);
    if (property === undefined) throw wrong(what, name, `no property of this packet; there are ${[...names.keys()].join(', ')}`);
    at = property.type === 'pair' ? writePairs(at, property.id, value, what, name) : writeValue(at, property, value, what);
  }
  if (at === 0) return undefined;
  const bytes = Buffer.from(scratch.subarray(0, at));
  if (scratch.length > KEPT) scratch = Buffer.allocUnsafeSlow(1024);
  return bytes;
}

function writeValue(start: number, { id, type, min, max, name }: PropertySpec, value: unknown, what: string): number {
  let at = start;
  if (type === 'text') {
    if (typeof value !== 'string') throw wrong(what, name, 'must be a string');
    if (name === 'responseTopic' && (value === '' || value.includes('+') || value.includes('#'))) {
      throw wrong(what, name, 'must be a topic name: not empty, without wildcards');
    }
    room(at, 1);
    scratch[at++] = id;
    return writeText(at, value, what, name);
  }
  if (type === 'bytes') {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (!(bytes instanceof Uint8Array)) throw wrong(what, name, 'must be a Uint8Array or a string');
    if (bytes.length > MAX_STRING_BYTES) throw wrong(what, name, 'is longer than 65,535 bytes');
    room(at, 3 + bytes.length);
    scratch[at++] = id;
    at = scratch.writeUInt16BE(bytes.length, at);
    scratch.set(bytes, at);
    return at + bytes.length;
  }
  const number = type === 'byte' && typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
    throw wrong(what, name, `must be an integer from ${min} to ${max}`);
  }
  room(at, 5);
  scratch[at++] = id;
  switch (type) {
    case 'byte':
      return scratch.writeUInt8(number, at);
    case 'two':
      return scratch.writeUInt16BE(number, at);
    case 'four':
      return scratch.writeUInt32BE(number, at);
    default:
      return writeVarint(scratch, at, number);
  }
}

/** Made only when something is wrong: names are put together for nobody otherwise. */
function wrong(what: string, name: string, problem: string): MqttError {
  return optionError(`${what}.${name}`, problem);
}

function writeText(start: number, text: string, what: string, name: string): number {
  const problem = utf8Problem(text);
  if (problem !== undefined) throw wrong(what, name, problem);
  room(start, 2 + text.length * 3);
  const length = scratch.write(text, start + 2);
  scratch.writeUInt16BE(length, start);
  return start + 2 + length;
}

function writePair(start: number, id: number, pairName: unknown, value: unknown, what: string, name: string): number {
  if (typeof pairName !== 'string' || typeof value !== 'string') throw wrong(what, name, 'must be pairs of strings');
  room(start, 1);
  scratch[start] = id;
  return writeText(writeText(start + 1, pairName, what, name), value, what, name);
}

function writePairs(start: number, id: number, given: unknown, what: string, name: string): number {
  let at = start;
  if (typeof given !== 'object' || given === null) throw wrong(what, name, 'must be an object or pairs [name, value]');
  if (Symbol.iterator in given) {
    for (const entry of given as Iterable<unknown>) {
      if (!Array.isArray(entry) || entry.length !== 2) throw wrong(what, name, 'must be pairs [name, value]');
      at = writePair(at, id, entry[0], entry[1], what, name);
    }
  } else {
    for (const [key, value] of Object.entries(given)) {
      if (Array.isArray(value)) for (const one of value as unknown[]) at = writePair(at, id, key, one, what, name);
      else at = writePair(at, id, key, value as unknown, what, name);
    }
  }
  return at;
}

// ---- in -------------------------------------------------------------------------------------------------------------------

function malformed(problem: string): MqttError {
  return new MqttError('ERR_MQTT_PROTOCOL', `properties of the server: ${problem}`, { reasonCode: 0x81 });
}

/**
 * The properties in `bytes[start, end)`. The engine's input guard has checked them; this throws ERR_MQTT_PROTOCOL all the same rather than
 * read over an end. Binary data is copied: it does not keep the packet alive.
 */
export function decodeProperties<P extends keyof DecodedProperties>(
  place: P,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): DecodedProperties[P] {
  if (start === end) return NO_PROPERTIES;
  const { ids } = placeOf(place);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const values: Record<string, unknown> = {};
  let at = 0;
  const need = (count: number): number => {
    const from = at;
    at += count;
    if (at > view.length) throw malformed('a value is cut off');
    return from;
  };
  const text = (): string => {
    const length = view.readUInt16BE(need(2));
    const from = need(length);
    return view.toString('utf8', from, at);
  };
  while (at < view.length) {
    const id = view.readUInt8(need(1));
    if (id === TOPIC_ALIAS && place === 'publish-in') {
      need(2);
      continue;
    }
    const property = ids.get(id);
    if (property === undefined) throw malformed(`property ${id} does not belong here`);
    let value: unknown;
    switch (property.type) {
      case 'byte':
        value = view.readUInt8(need(1));
        break;
      case 'two':
        value = view.readUInt16BE(need(2));
        break;
      case 'four':
        value = view.readUInt32BE(need(4));
        break;
      case 'varint': {
        const read = readVarint(view, at);
        if (read === undefined) throw malformed('a variable byte integer is malformed');
        at = read.end;
        value = read.value;
        break;
      }
      case 'text':
        value = text();
        break;
      case 'bytes': {
        const length = view.readUInt16BE(need(2));
        value = Buffer.from(view.subarray(need(length), at));
        break;
      }
      case 'pair':
        value = [text(), text()];
        break;
    }
    if (property.many) ((values[property.name] ??= []) as unknown[]).push(value);
    else values[property.name] = value;
  }
  return values;
}
