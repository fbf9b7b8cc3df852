/**
 * Runs test/vectors/guard.json on the js engine's guard; see test/vectors/README.md for what a vector is. The counterpart in C is
 * test/native/support/guard_vectors.c and guard_run.c: both must come to the same checksums, so what is added to them, and in which order,
 * is the same there.
 */
import { readFileSync } from 'node:fs';
import { FAIL, Guard, PASS, WAIT, readPacket } from '../../dist/engine/js/guard.js';
import type { GuardLimits, Verdict } from '../../dist/engine/js/guard.js';

type Limits = Partial<Omit<GuardLimits, 'version'>>;

export interface StepText {
  start?: Limits;
  connected?: boolean;
  forget?: boolean;
  sent?: string[];
  bytes?: string;
  expect: string[];
  text?: string;
  view?: Record<string, number>;
  repeated?: boolean;
  unacknowledged?: number;
  outgoing?: number;
  incoming?: number;
}

interface VectorText extends StepText {
  name: string;
  clause: string;
  version: 4 | 5 | (4 | 5)[];
  limits?: Limits;
  only?: string;
  because?: string;
  then?: StepText[];
}

export interface Step {
  text: StepText;
  start: GuardLimits | undefined;
  connected: boolean;
  bytes: Uint8Array;
}

/** A vector for one version. */
export interface Vector {
  name: string;
  clause: string;
  version: 4 | 5;
  /** Why it is not run here. */
  notHere: string | undefined;
  steps: Step[];
}

const VECTORS = new URL('../vectors/', import.meta.url);

/** Bytes as the vectors write them. */
export function parseBytes(text: string): Uint8Array {
  let at = 0;
  const list = (end: string): number[] => {
    const bytes: number[] = [];
    for (;;) {
      while (text[at] === ' ') at += 1;
      if (at >= text.length || text[at] === end) {
        if ((text[at] ?? '') !== end) throw new Error(`no end: ${text}`);
        at += 1;
        return bytes;
      }
      const item = one();
      let times = 1;
      if (text[at] === '*') {
        const number = /^\d+/.exec(text.slice(at + 1))![0];
        at += 1 + number.length;
        times = Number(number);
      }
      for (; times > 0; times -= 1) {
        for (const byte of item) bytes.push(byte);
      }
    }
  };
  const one = (): number[] => {
    const first = text[at]!;
    if (first === '{' || first === '[') {
      at += 1;
      const inner = list(first === '{' ? '}' : ']');
      return first === '{' ? [inner.length >> 8, inner.length & 255].concat(inner) : variable(inner.length).concat(inner);
    }
    if (first === "'") {
      const end = text.indexOf("'", at + 1);
      const quoted = [...Buffer.from(text.slice(at + 1, end), 'latin1')];
      at = end + 1;
      return quoted;
    }
    const hex = /^([0-9a-f]{2})+/.exec(text.slice(at, at + 4096))?.[0];
    if (hex === undefined) throw new Error(`not bytes: ${text.slice(at)}`);
    at += hex.length;
    return [...Buffer.from(hex, 'hex')];
  };
  return Uint8Array.from(list(''));
}

function variable(value: number): number[] {
  const bytes: number[] = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

function limitsOf(limits: Limits, version: 4 | 5): GuardLimits {
  return {
    version, cleanStart: true, authentication: false, requestProblemInformation: true, maximumPacketSize: 0, receiveMaximum: 0,
    topicAliasMaximum: 0, session: false, ...limits,
  };
}

export function loadVectors(): Vector[] {
  const texts = JSON.parse(readFileSync(new URL('guard.json', VECTORS), 'utf8')) as VectorText[];
  return texts.flatMap((text) => [text.version].flat().map((version) => ({
    name: text.name,
    clause: text.clause,
    version,
    notHere: text.only === undefined ? undefined : text.because ?? '',
    steps: [{ ...text, start: text.limits ?? {} } as StepText, ...text.then ?? []].map((step) => ({
      text: step,
      start: step.start === undefined ? undefined : limitsOf(step.start, version),
      connected: step.start !== undefined && (step.connected ?? true),
      bytes: parseBytes(step.bytes ?? ''),
    })),
  })));
}

export interface FuzzVector {
  seed: number;
  mutations: number;
  checksum: number;
}

export function loadFuzzVector(): FuzzVector {
  return JSON.parse(readFileSync(new URL('guard-fuzz.json', VECTORS), 'utf8')) as FuzzVector;
}

const SENT: Record<string, number> = {
  connect: 0x10, publish0: 0x30, publish1: 0x32, publish2: 0x34, puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70, subscribe: 0x82,
  unsubscribe: 0xa2, pingreq: 0xc0, disconnect: 0xe0, auth: 0xf0,
};
const CONNACK = { 4: Uint8Array.of(0x20, 2, 0, 0), 5: Uint8Array.of(0x20, 3, 0, 0, 0) };
const WORDS = ['wait', 'pass', 'drop', 'fail'];

/** How a step's bytes come in: `first` of them at once, then `more` by `more`. */
export interface Feed {
  first: number;
  more: number;
}
export const WHOLE: Feed = { first: Infinity, more: 1 };
export const BYTEWISE: Feed = { first: 1, more: 1 };

/** In front of and behind the bytes that a guard is told of stand others, which would change its mind if it looked at them. */
const MARGIN = 7;

export class Run {
  readonly guard = new Guard();
  /** Of the last step. */
  events: string[] = [];
  /** Of the last packet that passed in the last step. */
  view: Record<string, number> = {};
  repeated = false;
  /** Promises of the guard's that were broken. */
  broken: string[] = [];
  /** Of all that the guard said and counted, FNV-1a. */
  checksum = 2_166_136_261;
  readonly #margin: number;

  constructor(margin = 0xff) {
    this.#margin = margin;
  }

  step(step: Step, bytes: Uint8Array, feed: Feed): void {
    this.events = [];
    this.view = {};
    this.repeated = false;
    if (step.start !== undefined) this.guard.start(step.start);
    if (step.connected) this.#connect(step.start!.version);
    if (step.text.forget === true) this.guard.forget();
    for (const text of step.text.sent ?? []) {
      const [word, id, number] = text.split(' ');
      this.guard.sent(SENT[word!]!, Number(id ?? 0), Number(number ?? 0), Number(number ?? 0));
    }
    this.#version = step.start?.version ?? this.#version;
    this.#feed(bytes, feed);
    const { outgoing, incoming } = this.guard.identifiersInUse;
    this.#add4(this.guard.unacknowledged);
    this.#add4(outgoing);
    this.#add4(incoming);
  }

  #version: 4 | 5 = 5;

  #connect(version: 4 | 5): void {
    const { guard } = this;
    const connack = CONNACK[version];
    if (guard.header(connack, 0, connack.length) !== PASS || guard.size !== connack.length ||
        guard.packet(connack, 0, connack.length) !== PASS || !guard.connected) {
      this.broken.push('a plain CONNACK does not pass');
    }
  }

  #feed(bytes: Uint8Array, feed: Feed): void {
    const { guard } = this;
    const { length } = bytes;
    let at = 0;
    let size = 0;
    let available = Math.min(feed.first, length);
    for (;;) {
      for (;;) {
        if (size === 0) {
          const verdict = this.#header(bytes, at, available);
          if (verdict === FAIL) {
            this.#event(verdict);
            this.#staysFailed();
            return;
          }
          if (verdict === WAIT) break;
          size = guard.size;
        }
        if (available - at < size) break;
        if (this.#packet(bytes, at, at + size) === FAIL) {
          this.#staysFailed();
          return;
        }
        at += size;
        size = 0;
      }
      if (available === length) break;
      available = Math.min(available + feed.more, length);
    }
    if (at < length) this.#event(WAIT);
  }

  #surrounded(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const copy = new Uint8Array(end - start + 2 * MARGIN).fill(this.#margin);
    copy.set(bytes.subarray(start, end), MARGIN);
    return copy;
  }

  #header(bytes: Uint8Array, start: number, end: number): Verdict {
    const length = Math.min(end - start, 16);
    const verdict = this.guard.header(this.#surrounded(bytes, start, start + length), MARGIN, MARGIN + length);
    if (verdict === WAIT && length >= 5) this.broken.push('five bytes are not enough for a header');
    return verdict;
  }

  #packet(bytes: Uint8Array, start: number, end: number): Verdict {
    const data = this.#surrounded(bytes, start, end);
    const to = MARGIN + end - start;
    const verdict = this.guard.packet(data, MARGIN, to);
    this.#event(verdict);
    if (verdict === PASS) this.#passed(data, MARGIN, to);
    if (verdict === WAIT) this.broken.push('a whole packet waits');
    return verdict;
  }

  #passed(data: Uint8Array, start: number, end: number): void {
    const view = readPacket(data, start, end, this.#version);
    const fields: [number, number][] = [
      [view.topicStart, view.topicEnd], [view.propertiesStart, view.propertiesEnd], [view.payloadStart, view.payloadEnd],
    ];
    for (const [from, to] of fields) {
      if (from > to || (from !== to && (from < start || to > end))) this.broken.push('a view leaves its packet');
    }
    if (view.type !== data[start]! >> 4) this.broken.push('a packet that passed cannot be read');
    if (view.type === 3 && view.payloadEnd !== end) this.broken.push('a payload does not end with its packet');
    const [topic, properties, payload] = fields.map(([from, to]) => to - from) as [number, number, number];
    const { type, flags, id, reasonCode, topicAlias } = view;
    const sessionPresent = view.sessionPresent ? 1 : 0;
    this.view = { type, flags, id, reason: reasonCode, sessionPresent, topic, properties, payload, alias: topicAlias };
    this.repeated = this.guard.repeated;
    this.#add(type << 4 | flags);
    this.#add4(id);
    this.#add(reasonCode);
    this.#add(sessionPresent);
    this.#add4(topic);
    this.#add4(properties);
    this.#add4(payload);
    this.#add4(topicAlias);
    this.#add(this.repeated ? 1 : 0);
  }

  #staysFailed(): void {
    const { guard } = this;
    const { reason } = guard;
    const pingresp = Uint8Array.of(0xd0, 0);
    if (reason === 0 || guard.text === '') this.broken.push('a failure without a reason');
    if (guard.header(pingresp, 0, 2) !== FAIL || guard.packet(pingresp, 0, 2) !== FAIL || guard.reason !== reason) {
      this.broken.push('something passes after a failure');
    }
  }

  #event(verdict: Verdict): void {
    const { reason, text } = this.guard;
    this.events.push(verdict === FAIL ? `fail:0x${reason.toString(16).padStart(2, '0')}` : WORDS[verdict]!);
    this.#add(verdict);
    if (verdict !== FAIL) return;
    this.#add(reason);
    for (const character of text) this.#add(character.charCodeAt(0));
  }

  #add(byte: number): void {
    this.checksum = Math.imul(this.checksum ^ byte, 16_777_619) >>> 0;
  }

  #add4(value: number): void {
    this.#add(value >>> 24);
    this.#add(value >>> 16 & 255);
    this.#add(value >>> 8 & 255);
    this.#add(value & 255);
  }
}
