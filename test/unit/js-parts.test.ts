/**
 * Parts of the js engine that need no connection: keepalive on a clock of the test, Packet Identifiers, properties, the cutting of a
 * stream into packets.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FAIL, PASS, WAIT } from '../../dist/engine/js/guard.js';
import type { Guard } from '../../dist/engine/js/guard.js';
import { Identifiers, PeerIdentifiers } from '../../dist/engine/js/identifiers.js';
import { IncomingStream } from '../../dist/engine/js/incoming-stream.js';
import { Keepalive } from '../../dist/engine/js/keepalive.js';
import { mqttVersion } from '../../dist/engine/js/load.js';
import { MqttPeer } from '../../dist/engine/js/mqtt-peer.js';
import type { OutgoingPackets } from '../../dist/engine/js/outgoing-packets.js';
import { numberIn } from '../../dist/engine/js/properties.js';
import { bytes } from '../support/packets.js';
import { OPTIONS } from './js-engine-driver.js';

describe('keepalive of 10 s', () => {
  let pings: number[];
  let lost: number | undefined;
  let appended: number;
  let written: number;
  let keepalive: Keepalive;
  const seconds = (): number => Math.round(performance.now() / 100) / 10;
  /** In steps, so that the immediates between timers run. */
  const pass = async (time: number): Promise<void> => {
    for (let step = 0; step < time * 10; step += 1) {
      await vi.advanceTimersByTimeAsync(100);
    }
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
    pings = [];
    lost = undefined;
    appended = written = 0;
    keepalive = new Keepalive({
      ping: () => {
        pings.push(seconds());
        appended += 2;
        return appended;
      },
      written: () => written,
      lost: () => {
        lost ??= seconds();
        keepalive.stop();
      },
    });
  });
  afterEach(() => {
    keepalive.stop();
    vi.useRealTimers();
  });
  /** The kernel has taken everything. */
  const flush = (): void => {
    written = appended;
    keepalive.sent();
  };

  it('PINGREQ after 10 s in which nothing was sent, again and again while they are answered', async () => {
    const start = seconds();
    keepalive.start(10);
    for (let round = 1; round <= 3; round += 1) {
      await pass(10);
      expect(pings.length).toBe(round);
      flush();
      keepalive.received();
      keepalive.answered();
    }
    expect(pings.map((at) => Math.round(at - start))).toEqual([10, 20, 30]);
    expect(lost).toBeUndefined();
  });

  it('a client that sends all the time asks too, when nothing comes', async () => {
    keepalive.start(10);
    for (let second = 0; second < 10; second += 1) {
      await pass(1);
      flush();
    }
    expect(pings.length).toBe(1);
  });

  it('nothing comes for 15 s after PINGREQ: lost', async () => {
    const start = seconds();
    keepalive.start(10);
    await pass(10);
    flush();
    await pass(14.5);
    expect(lost).toBeUndefined();
    await pass(1);
    expect(lost! - start).toBeCloseTo(25, 0);
  });

  it('a large packet that comes slowly is a sign of life, and the server hears from us meanwhile', async () => {
    keepalive.start(10);
    for (let second = 0; second < 60; second += 1) {
      await pass(1);
      flush();
      keepalive.received();
    }
    expect(lost).toBeUndefined();
    for (let second = 0; second < 60; second += 1) {
      await pass(1);
      written = appended;
      keepalive.received();
    }
    expect(lost).toBeUndefined();
    expect(pings.length).toBeGreaterThanOrEqual(5);
  });

  it('PINGREQ that waits behind a large packet of ours: its answer is awaited from when it has left', async () => {
    keepalive.start(10);
    await pass(10);
    expect(pings.length).toBe(1);
    for (let second = 0; second < 60; second += 1) {
      await pass(1);
      keepalive.sent();
    }
    expect(lost).toBeUndefined();
    flush();
    await pass(14);
    expect(lost).toBeUndefined();
    await pass(2);
    expect(lost).toBeDefined();
  });

  it('a peer that takes nothing any more is lost, though PINGREQ never left', async () => {
    keepalive.start(10);
    await pass(26);
    expect(lost).toBeDefined();
  });

  it('while reading is paused nothing is missed and the server still hears from us; after it the time counts anew', async () => {
    keepalive.start(10);
    keepalive.pause(true);
    for (let second = 0; second < 100; second += 1) {
      await pass(1);
      if (written < appended) {
        flush();
      }
    }
    expect(lost).toBeUndefined();
    expect(pings.length).toBe(10);
    keepalive.pause(false);
    await pass(14);
    expect(lost).toBeUndefined();
    await pass(12);
    expect(lost).toBeDefined();
  });

  it('a process that was busy reads what came meanwhile before it gives up', () => {
    for (const answered of [true, false]) {
      keepalive.start(10);
      vi.advanceTimersToNextTimer();
      flush();
      // The second PINGREQ, then the limit: it looks once more after what is to be read was read.
      vi.advanceTimersToNextTimer();
      vi.advanceTimersToNextTimer();
      expect(lost).toBeUndefined();
      if (answered) {
        keepalive.received();
        keepalive.answered();
      }
      vi.advanceTimersToNextTimer();
      expect(lost === undefined).toBe(answered);
      keepalive.stop();
    }
  });

  it('0 seconds: never', async () => {
    keepalive.start(0);
    await pass(100);
    expect([pings, lost]).toEqual([[], undefined]);
  });
});

describe('Packet Identifiers', () => {
  it('start at 1, go round without 0, and leave out what is in use [MQTT-2.2.1-3]', () => {
    const ids = new Identifiers();
    expect([ids.allocate(), ids.allocate(), ids.allocate()]).toEqual([1, 2, 3]);
    ids.deallocate(1);
    ids.deallocate(3);
    for (let id = 4; id <= 65_535; id += 1) {
      expect(ids.allocate()).toBe(id);
      ids.deallocate(id);
    }
    expect([ids.allocate(), ids.allocate()]).toEqual([1, 3]);
  });

  it('all in use: none', () => {
    const ids = new Identifiers();
    for (let count = 0; count < 65_535; count += 1) {
      ids.allocate();
    }
    expect([ids.full, ids.allocate()]).toEqual([true, null]);
    ids.deallocate(700);
    expect([ids.allocate(), ids.allocate()]).toEqual([700, null]);
  });

  it('of a connection that ended only those of the session stay taken', () => {
    const ids = new Identifiers();
    for (let count = 0; count < 5; count += 1) {
      ids.allocate();
    }
    ids.keepOnly([2, 4]);
    expect(ids.used).toBe(2);
    expect([ids.allocate(), ids.allocate()]).toEqual([6, 7]);
    for (let id = 8; id <= 65_535; id += 1) {
      ids.allocate();
    }
    expect([ids.allocate(), ids.allocate(), ids.allocate(), ids.allocate()]).toEqual([1, 3, 5, null]);
  });

  it('mqtt.js can free none that the session keeps, neither at CONNACK nor after its connection', () => {
    const ids = new Identifiers();
    const peer = new PeerIdentifiers(ids);
    expect([peer.allocate(), peer.allocate(), peer.getLastAllocated()]).toEqual([1, 2, 2]);
    peer.clear();
    expect(ids.used).toBe(2);
    peer.deallocate(1);
    expect(ids.used).toBe(1);
    peer.cut();
    peer.deallocate(2);
    expect([ids.used, peer.allocate()]).toEqual([1, null]);
  });
});

describe('numberIn()', () => {
  const all = bytes("11 00000001 1f 0002'xy' 26 0001'k' 0002'vv' 12 0000 0b ffff7f 21 0014 27 ffffffff 24 01 13 0000");

  it('finds a number of one, two and four bytes behind properties of every kind', () => {
    expect([0x11, 0x21, 0x27, 0x24, 0x13].map((id) => numberIn(all, id))).toEqual([1, 20, 4_294_967_295, 1, 0]);
  });

  it('undefined for what is not there', () => {
    expect(numberIn(all, 0x25)).toBeUndefined();
    expect(numberIn(undefined, 0x21)).toBeUndefined();
    expect(numberIn(new Uint8Array(0), 0x21)).toBeUndefined();
  });
});

describe('the incoming stream', () => {
  /** Sizes in the second byte only, and 0xff refused: enough to see where the stream is cut. */
  class OneByteSizes {
    size = 0;
    header(data: Uint8Array, offset: number, end: number): number {
      if (end - offset < 2) {
        return WAIT;
      }
      this.size = 2 + data[offset + 1]!;
      return data[offset] === 0xff ? FAIL : PASS;
    }
  }

  function cut(stream: Buffer, sizes: number[]): { packets: string[]; refused: boolean } {
    const result = { packets: [] as string[], refused: false };
    const incoming = new IncomingStream(new OneByteSizes() as unknown as Guard, {
      get stopped() { return result.refused; },
      packet: (data, offset, end) => { result.packets.push(Buffer.from(data.subarray(offset, end)).toString('hex')); },
      refused: () => { result.refused = true; },
    });
    let at = 0;
    for (const size of sizes) {
      incoming.take(stream.subarray(at, at + size));
      at += size;
    }
    incoming.take(stream.subarray(at));
    return result;
  }

  const PACKETS = ['1000', '2003aabbcc', '3000', '40ff' + '11'.repeat(255), '5001dd'];
  const STREAM = Buffer.from(PACKETS.join(''), 'hex');

  it('gives whole packets wherever it was cut', () => {
    for (let first = 0; first <= STREAM.length; first += 1) {
      expect(cut(STREAM, [first]).packets).toEqual(PACKETS);
      expect(cut(STREAM, [first, 1, 1]).packets).toEqual(PACKETS);
    }
    expect(cut(STREAM, Array(STREAM.length).fill(1)).packets).toEqual(PACKETS);
  });

  it('stops where the guard refuses a header, also one that came in two parts', () => {
    const stream = Buffer.from('1000' + 'ff05' + '1000', 'hex');
    for (const sizes of [[], [2], [3], [1, 1, 1, 1]]) {
      expect(cut(stream, sizes)).toEqual({ packets: ['1000'], refused: true });
    }
  });
});

it('an exception of mqtt.js is caught: 62 00 without the guard before it', () => {
  const failures: unknown[] = [];
  // mqtt.js answers with an identifier that there is not, whose bytes are undefined.
  const packets = { addition: {}, write: (chunk: Uint8Array) => chunk.length } as unknown as OutgoingPackets;
  const peer = new MqttPeer(new Identifiers(), packets, (error) => failures.push(error));
  peer.start(OPTIONS, bytes('20 03 00 00 00'));
  expect(failures).toEqual([]);
  peer.feed(bytes('62 00'));
  expect(failures[0]).toBeInstanceOf(TypeError);
  peer.destroy();
});

it('the version of mqtt.js is one that may be used', () => {
  expect(mqttVersion()).toMatch(/^5\.(1[6-9]|[2-9]\d)\./);
});
