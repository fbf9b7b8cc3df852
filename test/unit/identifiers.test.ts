/**
 * Subscription Identifiers are read straight from the encoded properties of a message, and must be what decoding all of them gives. The
 * automatic ones of a client are told from the application's, and one is not used for something else while messages may carry it.
 */
import { describe, expect, it } from 'vitest';
import { FIRST_AUTOMATIC, IdentifierReader, Identifiers, withIdentifier } from '../../dist/incoming/identifiers.js';
import { decodeProperties } from '../../dist/protocol/properties.js';

function all(bytes: Uint8Array, start = 0, end = bytes.length): number[] {
  const reader = new IdentifierReader().set(bytes, start, end);
  const found: number[] = [];
  for (let one = reader.next(); one !== 0; one = reader.next()) found.push(one);
  return found;
}

/** One encoded property each, among them every kind PUBLISH may have (3.3.2.3). */
const OTHERS = ['0101', '02ffffffff', '0300020b05', '0800010b', '0900020b05', '090000', '230b05', '2600020b0500020b05', '2600000000'];

describe('reading', () => {
  it('finds every identifier, wherever it stands and whatever looks like one', () => {
    const identifiers = [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
    for (const before of ['', ...OTHERS]) {
      for (const between of ['', ...OTHERS]) {
        const parts = identifiers.map((one) => Buffer.concat([withIdentifier(one, undefined), Buffer.from(between, 'hex')]));
        const bytes = Buffer.concat([Buffer.from('0b05', 'hex'), Buffer.from(before, 'hex'), ...parts, Buffer.from('0b06', 'hex')]);
        expect(all(bytes, 2, bytes.length - 2)).toEqual(identifiers);
        const decoded = decodeProperties('publish-in', bytes, 2, bytes.length - 2);
        expect(decoded.subscriptionIdentifiers).toEqual(identifiers);
      }
    }
    expect(all(Buffer.from(OTHERS.join(''), 'hex'))).toEqual([]);
    expect(all(Buffer.alloc(0))).toEqual([]);
  });

  it('ends where the bytes are not properties of a message, and never goes on into the bytes behind', () => {
    for (const hex of ['ff0b05', '0bffffffff05', '0b', '0b80', '09', '0900', '0900ff', '26ffff', '02', '11000000000b05']) {
      const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from('0b050b050b05', 'hex')]);
      expect(all(bytes, 0, hex.length / 2), hex).toEqual([]);
    }
  });
});

describe('an automatic identifier', () => {
  it('is a new one each time, also when those before are not in use any more', () => {
    const identifiers = new Identifiers();
    const first = identifiers.take();
    identifiers.release(first);
    expect([first, identifiers.take(), identifiers.take()]).toEqual([FIRST_AUTOMATIC, FIRST_AUTOMATIC + 1, FIRST_AUTOMATIC + 2]);
  });

  it('is not one of the application', () => {
    const identifiers = new Identifiers();
    identifiers.retain(FIRST_AUTOMATIC + 1, true);
    expect([identifiers.take(), identifiers.take()]).toEqual([FIRST_AUTOMATIC, FIRST_AUTOMATIC + 2]);
  });

  it('is not seen by the application, also after it has gone out of use; the application’s own are', () => {
    const identifiers = new Identifiers();
    const [one, two] = [identifiers.take(), identifiers.take()];
    identifiers.retain(7, true);
    identifiers.retain(FIRST_AUTOMATIC + 5, true);
    identifiers.release(one);
    for (let i = 0; i < 9; i += 1) identifiers.take();
    const visible = (subscriptionIdentifiers: number[]) => identifiers.visible({ contentType: 'x', subscriptionIdentifiers });
    expect(visible([one])).toEqual({ contentType: 'x' });
    expect(visible([7, one, two, FIRST_AUTOMATIC + 5])).toEqual({ contentType: 'x', subscriptionIdentifiers: [7, FIRST_AUTOMATIC + 5] });
    expect(identifiers.visible({ subscriptionIdentifiers: [one, two] })).toEqual({});
    const own = { subscriptionIdentifiers: [7] };
    expect(identifiers.visible(own)).toBe(own);
  });

  it('is none that an earlier process may have had, where the server has a session of its', () => {
    const identifiers = new Identifiers();
    identifiers.avoidThoseBefore();
    const one = identifiers.take();
    expect(one).toBeGreaterThanOrEqual(16_384);
    identifiers.avoidThoseBefore();
    expect(identifiers.take()).toBe(one + 1);
    expect(identifiers.visible({ subscriptionIdentifiers: [one, one + 1] })).toEqual({});
  });
});
