/**
 * The counters of a client: what each of them counts, and that a snapshot of them is a copy. The round trip is kept as a histogram: its
 * quantiles are near those of the times themselves, whatever their order of magnitude.
 */
import { channel } from 'node:diagnostics_channel';
import { describe, expect, it, vi } from 'vitest';
import { MqttError } from 'mqtt-native';
import { RoundTrip } from '../../dist/round-trip.js';
import { Stats } from '../../dist/stats.js';
import { turn } from '../support/fake-engine.js';
import { OutgoingRig } from '../support/outgoing-rig.js';

describe('what is counted', () => {
  it('publishes and their bytes: topic, properties and payload', () => {
    const rig = OutgoingRig.connected();
    rig.publish('ä', { properties: { contentType: 't' } }, 'öö');
    rig.write('a', { qos: 1 }, Buffer.alloc(10));
    rig.engine.room = 0;
    rig.write('a', {}, '');
    const { published, queue, inFlight } = rig.outgoing.snapshot();
    expect(published).toEqual({ messages: 3, bytes: 2 + 4 + 4 + 1 + 10 + 1 });
    expect([queue, inFlight]).toEqual([{ messages: 1, bytes: 1 }, 2]);
  });

  it('QoS 0 of write() is delivered when the engine says that it has left, whichever is told first', () => {
    const rig = OutgoingRig.connected();
    rig.publish('p', { qos: 1 });
    rig.write('w');
    const [p, w] = rig.engine.published.splice(0);
    const { sink } = rig.engine;
    const delivered = (): number => rig.outgoing.snapshot().delivered;
    sink.onCredit(1, w!.bytes);
    sink.onPublished(p!.slot, 0, undefined);
    sink.onCredit(1, p!.bytes);
    expect(delivered()).toBe(2);
    rig.publish('p', { qos: 1 });
    sink.onPublished(rig.engine.published.splice(0)[0]!.slot, 0, undefined);
    expect(delivered()).toBe(3);
    sink.onCredit(1, p!.bytes);
    expect(delivered()).toBe(3);
    // The credit of a message that failed comes first, as it may: it is not one more that was delivered.
    rig.write('q', { qos: 1 });
    sink.onCredit(1, 2);
    sink.onPublished(rig.engine.published.splice(0)[0]!.slot, 0x97, undefined);
    expect(rig.outgoing.snapshot()).toMatchObject({ delivered: 3, dropped: { ERR_MQTT_PUBLISH: 1 }, inFlight: 0 });
  });

  it('QoS 0 of write() that has not left is not delivered, however many others are', () => {
    const rig = OutgoingRig.connected();
    for (let i = 0; i < 3; i += 1) rig.write('w');
    const written = rig.engine.published.splice(0);
    for (const qos of [1, 2] as const) rig.publish('p', { qos });
    rig.engine.finish();
    rig.engine.finish(0x97);
    expect(rig.outgoing.snapshot()).toMatchObject({ delivered: 1, inFlight: 3 });
    rig.engine.sink.onCredit(1, written[0]!.bytes);
    expect(rig.outgoing.snapshot()).toMatchObject({ delivered: 2, inFlight: 2 });
    rig.outgoing.disconnected(new MqttError('ERR_MQTT_CLOSED', 'closed'), false);
    expect(rig.outgoing.snapshot()).toMatchObject({ delivered: 2, inFlight: 0, dropped: { ERR_MQTT_PUBLISH: 1, ERR_MQTT_CLOSED: 2 } });
  });

  it('credits that come before their answers are not taken for messages without a slot', () => {
    const rig = OutgoingRig.connected();
    for (const qos of [1, 2] as const) rig.publish('p', { qos });
    rig.engine.sink.onCredit(2, 4);
    expect(rig.outgoing.snapshot().delivered).toBe(0);
  });

  it('one of 16 publishes of QoS 1 and 2 is measured, from the call to the acknowledgement', async () => {
    const rig = OutgoingRig.connected();
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now);
    for (let i = 0; i < 16; i += 1) {
      rig.publish('a', { qos: 1 });
      rig.publish('a');
      rig.write('a', { qos: 2 });
    }
    expect(rig.outgoing.snapshot().roundTrip).toEqual({ count: 0, min: NaN, max: NaN, mean: NaN, p50: NaN, p90: NaN, p99: NaN });
    clock.mockReturnValue(now + 8);
    rig.engine.finishAll();
    clock.mockRestore();
    await turn();
    const { roundTrip } = rig.outgoing.snapshot();
    expect(roundTrip.count).toBe(2);
    expect(roundTrip.min).toBeCloseTo(8);
    expect([roundTrip.max, roundTrip.p50, roundTrip.p99]).toEqual([roundTrip.min, roundTrip.min, roundTrip.min]);
  });

  it('a refused or aborted one is not measured', () => {
    const rig = OutgoingRig.connected();
    const controller = new AbortController();
    rig.publish('a', { qos: 1, signal: controller.signal });
    for (let i = 1; i < 17; i += 1) rig.publish('a', { qos: 1 });
    controller.abort();
    rig.engine.finish();
    while (rig.engine.published.length > 0) rig.engine.finish(0x97);
    expect(rig.outgoing.snapshot()).toMatchObject({
      roundTrip: { count: 0 }, dropped: { ERR_MQTT_ABORTED: 1, ERR_MQTT_PUBLISH: 16 }, delivered: 0,
    });
  });

  it('attempts and connections', () => {
    const stats = new Stats();
    for (const first of [true, false, false]) {
      stats.attempt();
      stats.attempt();
      stats.connected(first);
    }
    stats.receivedMessages += 2;
    stats.receivedBytes += 10;
    const snapshot = stats.snapshot({ messages: 0, bytes: 0 }, 0);
    expect(snapshot).toMatchObject({ attempts: 6, connections: 3, reconnections: 2, received: { messages: 2, bytes: 10 } });
  });

  it('a snapshot is a copy, frozen through and through', () => {
    const stats = new Stats();
    const before = stats.snapshot({ messages: 0, bytes: 0 }, 0);
    stats.dropped('ERR_MQTT_EXPIRED');
    stats.publishedMessages += 1;
    expect(before).toMatchObject({ published: { messages: 0 }, dropped: {} });
    const frozen = (value: unknown): boolean => typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(stats.snapshot({ messages: 0, bytes: 0 }, 0))).toBe(true);
  });
});

describe('the round trip', () => {
  for (const scale of [0.001, 0.1, 1, 50, 10_000]) {
    it(`quantiles of times around ${scale} ms are at most 3 % off`, () => {
      const roundTrip = new RoundTrip();
      const times = Array.from({ length: 1000 }, (_, i) => scale * (1 + (i * 7 % 1000) / 100));
      for (const time of times) roundTrip.add(time);
      const sorted = times.sort((a, b) => a - b);
      const summary = roundTrip.summary();
      expect([summary.count, summary.min, summary.max]).toEqual([1000, sorted[0], sorted[999]]);
      expect(summary.mean / (scale * 5.995)).toBeCloseTo(1);
      for (const [name, at] of [['p50', 499], ['p90', 899], ['p99', 989]] as const) {
        expect(Math.abs(summary[name] / sorted[at]! - 1), name).toBeLessThan(0.03);
      }
    });
  }

  it('times of 0 and of hours are counted, too', () => {
    const roundTrip = new RoundTrip();
    for (const time of [0, 1e9, 1e9]) roundTrip.add(time);
    expect(roundTrip.summary()).toMatchObject({ count: 3, min: 0, max: 1e9 });
    expect(roundTrip.summary().p50).toBeGreaterThan(1e6);
  });
});

describe('diagnostics channels', () => {
  it('mqtt-native:publish has what was taken, mqtt-native:drop what was given up', () => {
    const seen: unknown[] = [];
    const onMessage = (message: unknown, name: string | symbol): void => { seen.push([name, message]); };
    for (const name of ['mqtt-native:publish', 'mqtt-native:drop']) channel(name).subscribe(onMessage);
    try {
      const rig = OutgoingRig.seeking({ maxMessages: 1 });
      rig.write('a', { qos: 2 }, 'xyz');
      expect(() => rig.write('b')).toThrow();
      rig.connect({ maximumQoS: 1 });
      rig.write('c');
    } finally {
      for (const name of ['mqtt-native:publish', 'mqtt-native:drop']) channel(name).unsubscribe(onMessage);
    }
    expect(seen).toMatchObject([
      ['mqtt-native:publish', { clientId: 'rig', topic: 'a', qos: 2, bytes: 4 }],
      ['mqtt-native:drop', { clientId: 'rig', dropped: { topic: 'a', qos: 2, error: { code: 'ERR_MQTT_NOT_SUPPORTED' } } }],
      ['mqtt-native:publish', { clientId: 'rig', topic: 'c', qos: 0, bytes: 2 }],
    ]);
  });
});
