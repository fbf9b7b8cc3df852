/**
 * The js engine's input guard says what test/vectors/guard.json expects of it, however the bytes come in: whole, cut in two at every place,
 * one by one. The native engine's guard runs the same file in test/native/guard_test.c, and both answer to the same mutations alike.
 */
import { describe, expect, it } from 'vitest';
import { DROP, FAIL, Guard, PASS, WAIT, readPacket } from '../../dist/engine/js/guard.js';
import type { GuardLimits } from '../../dist/engine/js/guard.js';
import { runMutations } from '../support/guard-mutations.js';
import { BYTEWISE, Run, WHOLE, loadFuzzVector, loadVectors, parseBytes } from '../support/guard-vectors.js';
import type { Feed, StepText, Vector } from '../support/guard-vectors.js';

const vectors = loadVectors();

function checkStep(run: Run, wanted: StepText, how: string): void {
  const { unacknowledged, identifiersInUse, text } = run.guard;
  expect(run.events, `${how}: ${text}`).toEqual(wanted.expect);
  expect(run.broken, how).toEqual([]);
  if (wanted.text !== undefined) expect(text).toContain(wanted.text);
  if (wanted.view !== undefined) expect(run.view, how).toMatchObject(wanted.view);
  if (wanted.repeated !== undefined) expect(run.repeated, how).toBe(wanted.repeated);
  if (wanted.unacknowledged !== undefined) expect(unacknowledged, how).toBe(wanted.unacknowledged);
  if (wanted.outgoing !== undefined) expect(identifiersInUse.outgoing, how).toBe(wanted.outgoing);
  if (wanted.incoming !== undefined) expect(identifiersInUse.incoming, how).toBe(wanted.incoming);
}

/** The whole vector; the bytes of step `cutStep` come as `feed` says. */
function runVector(vector: Vector, cutStep: number, feed: Feed, how: string, margin: number): void {
  const run = new Run(margin);
  vector.steps.forEach((step, index) => {
    run.step(step, step.bytes, index === cutStep ? feed : WHOLE);
    checkStep(run, step.text, `step ${index + 1}, ${how}`);
  });
}

function runCut(vector: Vector): void {
  vector.steps.forEach(({ bytes: { length } }, index) => {
    for (let at = 1; at < length; at += 1) {
      // In the middle of a field of 64 KiB one place is as good as the next: there one in 997 is taken, at both ends every one.
      if (length > 4096 && at > 64 && at < length - 64 && at % 997 !== 0) continue;
      runVector(vector, index, { first: at, more: length }, `cut at ${at}`, at % 2 === 0 ? 0xff : 0x00);
    }
    if (length > 1 && length <= 4096) runVector(vector, index, BYTEWISE, 'byte by byte', 0xff);
  });
}

describe('guard vectors', () => {
  it('are at least 200', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(200);
  });

  for (const vector of vectors) {
    const name = `version ${vector.version}: ${vector.name} [${vector.clause}]`;
    // A few are about identifiers that are reserved before they are written, which only the guard in C knows; the file says so.
    if (vector.notHere !== undefined) continue;
    it(name, () => {
      runVector(vector, 0, WHOLE, 'whole', 0xff);
      runVector(vector, 0, WHOLE, 'whole, other bytes around', 0x00);
      runCut(vector);
    });
  }
});

const PLAIN: GuardLimits = {
  version: 5, cleanStart: true, authentication: false, requestProblemInformation: true, maximumPacketSize: 0, receiveMaximum: 0,
  topicAliasMaximum: 0, session: false,
};

function connected(limits: GuardLimits = PLAIN): Guard {
  const guard = new Guard();
  guard.start(limits);
  expect(guard.packet(parseBytes('20 03 00 00 00'), 0, 5)).toBe(PASS);
  return guard;
}

describe('guard', () => {
  /** Both guards are shown the same 10,000 mutated vectors; what they said and counted is summed up in one number. */
  it('says the same as the native guard to mutated vectors', { timeout: 60_000 }, () => {
    const { seed, mutations, checksum } = loadFuzzVector();
    const result = runMutations(vectors, seed, mutations);
    expect(result.broken).toEqual([]);
    expect(result.checksum).toBe(checksum);
  });

  /** The Receive Maximum that nobody named is 65,535 (3.1.2.11.3): so many pass, the next does not. */
  it('takes 65,535 unacknowledged messages by default', () => {
    const guard = connected();
    const publish = parseBytes("32 [ {'a'} 0001 [] ]");
    for (let i = 0; i < 65_535; i += 1) {
      if (guard.packet(publish, 0, publish.length) !== PASS) expect.fail(`number ${i} does not pass`);
    }
    expect(guard.unacknowledged).toBe(65_535);
    expect(guard.packet(publish, 0, publish.length)).toBe(FAIL);
    expect(guard.reason).toBe(0x93);
  });

  /** The caller may change its limits object after start() (GHSA-gfxc-3w7m-8ch4 was about a shared one): the guard has its own. */
  it('keeps its own copy of the limits', () => {
    const limits = { ...PLAIN, topicAliasMaximum: 3 };
    const guard = connected(limits);
    limits.topicAliasMaximum = 100;
    const publish = parseBytes("30 [ {'a'} [ 23 0064 ] ]");
    expect(guard.packet(publish, 0, publish.length)).toBe(FAIL);
    expect(guard.reason).toBe(0x94);
  });

  it('packet() does not trust that header() was asked before', () => {
    const cases = ['40 03 0001', '40 02 0001 00', '40', '', '30 ff ff ff ff', '82 02 0001', '10 02 0001', '00 02 0001', '40 00'];
    for (const text of cases) {
      const bytes = parseBytes(text);
      expect(connected().packet(bytes, 0, bytes.length), text).toBe(FAIL);
      expect(readPacket(bytes, 0, bytes.length, 5), text).toMatchObject({ topicEnd: 0, propertiesEnd: 0, payloadEnd: 0 });
    }
  });

  /** A reader of a stream asks with offsets into one large buffer: the places are those of the array, not of the packet. */
  it('works at any place of an array', () => {
    const guard = connected();
    const stream = parseBytes("d0 00 30 [ {'a/b'} [ 01 01 ] 'hi' ] 30");
    expect(guard.header(stream, 0, stream.length)).toBe(PASS);
    expect(guard.size).toBe(2);
    expect(guard.packet(stream, 0, 2)).toBe(DROP);
    expect(guard.header(stream, 2, stream.length)).toBe(PASS);
    const end = 2 + guard.size;
    expect(guard.packet(stream, 2, end)).toBe(PASS);
    const view = readPacket(stream, 2, end, 5);
    const text = (from: number, to: number): string => Buffer.from(stream.subarray(from, to)).toString('latin1');
    expect(text(view.topicStart, view.topicEnd)).toBe('a/b');
    expect(text(view.payloadStart, view.payloadEnd)).toBe('hi');
    expect([...stream.subarray(view.propertiesStart, view.propertiesEnd)]).toEqual([1, 1]);
    expect(guard.header(stream, end, stream.length)).toBe(WAIT);
  });

  it('knows which QoS 2 exchanges are under way', () => {
    const guard = connected();
    const publish = parseBytes("34 [ {'a'} 0007 [] ]");
    expect(guard.isReceiving(7)).toBe(false);
    expect(guard.packet(publish, 0, publish.length)).toBe(PASS);
    expect(guard.isReceiving(7)).toBe(true);
    guard.sent(0x50, 7, 0, 0);
    guard.sent(0x70, 7, 0, 0);
    expect(guard.isReceiving(7)).toBe(false);
  });
});
