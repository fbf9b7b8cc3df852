/**
 * How publishes end when connections do: which fail, which go on, and what the engine's answers mean after that. Each case is an order of
 * events in which a promise could be settled by an answer meant for another one, twice, or never.
 */
import { describe, expect, it } from 'vitest';
import { MqttError } from 'mqtt-native';
import { turn } from '../support/fake-engine.js';
import type { Outcome } from '../support/fake-engine.js';
import { OutgoingRig } from '../support/outgoing-rig.js';

const lost = (): MqttError => new MqttError('ERR_MQTT_CONNECTION_LOST', 'told to end');
const code = (outcome: Outcome): string | undefined => outcome.error?.code ?? (outcome.settled ? 'ok' : undefined);

async function codes(...outcomes: Outcome[]): Promise<(string | undefined)[]> {
  await turn();
  return outcomes.map(code);
}

describe('a connection that is lost while another one is sought', () => {
  it('the engine is kept: what it holds stays pending, and its answer on the next connection settles it', async () => {
    const rig = OutgoingRig.connected();
    const outcomes = [rig.publish('a', { qos: 1 }), rig.publish('b', { qos: 2 })];
    rig.engine.cut();
    expect(await codes(...outcomes)).toEqual([undefined, undefined]);
    expect(rig.outgoing.snapshot().inFlight).toBe(2);
    rig.reconnect();
    rig.engine.finish();
    rig.engine.finish(0x97);
    expect(await codes(...outcomes)).toEqual(['ok', 'ERR_MQTT_PUBLISH']);
    expect(rig.outgoing.snapshot()).toMatchObject({ inFlight: 0, delivered: 1, dropped: { ERR_MQTT_PUBLISH: 1 } });
  });

  it('the engine is gone: what it held fails, what waits stays, and their slots are not mixed up', async () => {
    const rig = OutgoingRig.connected();
    rig.engine.room = 2;
    const outcomes = [rig.publish('a', { qos: 1 }), rig.publish('b', { qos: 1 }), rig.publish('c', { qos: 1 })];
    rig.write('w', { qos: 1 });
    const first = rig.engine;
    rig.outgoing.interrupted(lost());
    expect(await codes(...outcomes)).toEqual(['ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_CONNECTION_LOST', undefined]);
    expect(rig.outgoing.snapshot()).toMatchObject({ inFlight: 0, queue: { messages: 2, bytes: 4 } });
    const later = rig.publish('d', { qos: 1 });
    rig.connect();
    expect(rig.topics).toEqual(['c', 'w', 'd']);
    expect(new Set(rig.engine.published.map((one) => one.slot)).size).toBe(3);
    expect(rig.engine).not.toBe(first);
    rig.engine.finishAll();
    expect(await codes(outcomes[2]!, later)).toEqual(['ok', 'ok']);
    expect(rig.drops).toEqual([]);
  });

  it('what comes back unsent goes in front of what was queued, in its order', async () => {
    const rig = OutgoingRig.connected();
    rig.engine.room = 5;
    for (const topic of ['a', 'b', 'c', 'd', 'e', 'queued']) rig.publish(topic, { qos: 1 });
    rig.engine.cut(2);
    rig.publish('later', { qos: 1 });
    expect(rig.outgoing.snapshot()).toMatchObject({ inFlight: 2, queue: { messages: 5, bytes: 3 * 2 + 7 + 6 } });
    rig.engine.room = Infinity;
    rig.reconnect();
    expect(rig.topics).toEqual(['a', 'b', 'c', 'd', 'e', 'queued', 'later']);
    expect(new Set(rig.engine.published.map((one) => one.slot)).size).toBe(7);
  });

  it('unsent again and again: nothing is lost, doubled or overtaken', async () => {
    const rig = OutgoingRig.connected();
    const outcomes: Outcome[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 10; i += 1) outcomes.push(rig.publish(String(outcomes.length), { qos: 1 }));
      rig.engine.cut(0);
      outcomes.push(rig.publish(String(outcomes.length), { qos: 1 }));
      rig.reconnect();
    }
    expect(rig.topics).toEqual(outcomes.map((_, i) => String(i)));
    rig.engine.finishAll();
    expect(new Set(await codes(...outcomes))).toEqual(new Set(['ok']));
    expect(rig.outgoing.snapshot()).toMatchObject({ inFlight: 0, delivered: 55, queue: { messages: 0, bytes: 0 } });
  });

  it('a publish() between two that come back waits behind them, and nothing goes to the ended connection', () => {
    const rig = OutgoingRig.connected();
    rig.publish('a', { qos: 1 });
    rig.publish('b', { qos: 1 });
    const [a, b] = rig.engine.published.splice(0);
    rig.engine.sink.onUnsent(a!.topic, a!.payload, a!.flags, undefined, a!.slot);
    rig.publish('c', { qos: 1 });
    rig.write('d');
    rig.engine.sink.onUnsent(b!.topic, b!.payload, b!.flags, undefined, b!.slot);
    expect(rig.topics).toEqual([]);
    rig.outgoing.interrupted();
    rig.reconnect();
    expect(rig.topics).toEqual(['a', 'b', 'c', 'd']);
  });

  it('aborted between coming back and the end of the connection: gone, and its slot is free', async () => {
    const rig = OutgoingRig.connected();
    const controller = new AbortController();
    const outcome = rig.publish('a', { qos: 1, signal: controller.signal });
    const [a] = rig.engine.published.splice(0);
    rig.engine.sink.onUnsent(a!.topic, a!.payload, a!.flags, undefined, a!.slot);
    controller.abort();
    rig.outgoing.interrupted();
    rig.publish('b', { qos: 1 });
    rig.reconnect();
    expect(rig.topics).toEqual(['b']);
    expect(rig.engine.published[0]!.slot).toBe(a!.slot);
    expect(await codes(outcome)).toEqual(['ERR_MQTT_ABORTED']);
  });

  it('abandoned while the engine had it, then unsent: not sent again, and its slot is free', async () => {
    const rig = OutgoingRig.connected();
    const controller = new AbortController();
    const outcome = rig.publish('a', { qos: 1, signal: controller.signal });
    controller.abort();
    const { slot } = rig.engine.published[0]!;
    rig.engine.cut(0);
    rig.publish('b', { qos: 1 });
    rig.reconnect();
    expect(rig.topics).toEqual(['b']);
    expect(rig.engine.published[0]!.slot).toBe(slot);
    expect(await codes(outcome)).toEqual(['ERR_MQTT_ABORTED']);
    expect(rig.outgoing.snapshot().dropped).toEqual({ ERR_MQTT_ABORTED: 1 });
  });

  it('an abandoned slot stays reserved over connections until the engine lets go of it', async () => {
    const rig = OutgoingRig.connected();
    const controller = new AbortController();
    rig.publish('a', { qos: 1, signal: controller.signal });
    controller.abort();
    rig.engine.cut();
    const next = rig.publish('b', { qos: 1 });
    rig.reconnect();
    expect(rig.engine.published[1]!.slot).not.toBe(rig.engine.published[0]!.slot);
    rig.engine.finish(0x97);
    expect(await codes(next)).toEqual([undefined]);
    rig.engine.finish();
    expect(await codes(next)).toEqual(['ok']);
  });

  it('Session Present 0: what the engine then fails is not mistaken for what waits', async () => {
    const rig = OutgoingRig.connected();
    const held = rig.publish('a', { qos: 1 });
    rig.write('w', { qos: 2 });
    rig.engine.cut();
    const waits = rig.publish('b', { qos: 1 });
    for (const one of rig.engine.published.splice(0)) {
      rig.engine.sink.onRequestFailed(one.slot, { code: 'ERR_MQTT_CONNECTION_LOST', message: 'gone', reasonCode: undefined, properties: undefined });
      rig.engine.sink.onCredit(1, one.bytes);
    }
    rig.reconnect();
    rig.engine.finishAll();
    expect(await codes(held, waits)).toEqual(['ERR_MQTT_CONNECTION_LOST', 'ok']);
    expect(rig.drops).toEqual(['undefined undefined ERR_MQTT_CONNECTION_LOST']);
    expect(rig.outgoing.snapshot()).toMatchObject({ inFlight: 0, delivered: 1, dropped: { ERR_MQTT_CONNECTION_LOST: 2 } });
  });

  it('another engine without a word about the first: what that held fails', async () => {
    const rig = OutgoingRig.connected();
    const held = rig.publish('a', { qos: 1 });
    rig.engine.cut();
    rig.connect();
    expect(await codes(held)).toEqual(['ERR_MQTT_CONNECTION_LOST']);
    expect(rig.outgoing.snapshot().inFlight).toBe(0);
  });
});

describe('a connection that is lost and nobody tries any more', () => {
  it('everything fails with its error, each once; write() by drop', async () => {
    const rig = OutgoingRig.connected();
    rig.engine.room = 4;
    const outcomes = [rig.publish('a', { qos: 1 }), rig.publish('b')];
    rig.write('held', { qos: 1 });
    rig.write('held 0');
    outcomes.push(rig.publish('c', { qos: 2 }));
    rig.write('queued', { qos: 2 });
    rig.write('queued 0');
    rig.outgoing.disconnected(lost(), false);
    expect(await codes(...outcomes)).toEqual(Array(3).fill('ERR_MQTT_CONNECTION_LOST'));
    expect(rig.drops).toEqual(['undefined undefined ERR_MQTT_CONNECTION_LOST', 'queued 2 ERR_MQTT_CONNECTION_LOST', 'queued 0 0 ERR_MQTT_CONNECTION_LOST']);
    expect(rig.outgoing.snapshot()).toMatchObject({
      inFlight: 0, queue: { messages: 0, bytes: 0 }, published: { messages: 7 }, delivered: 0, dropped: { ERR_MQTT_CONNECTION_LOST: 7 },
    });
    rig.outgoing.disconnected(lost(), false);
    expect(rig.drops).toHaveLength(3);
    await expect((async () => rig.write('d'))()).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
  });

  it('with the engine kept, promises fail now and their slots stay reserved; the end of write() is told when it is known', async () => {
    const rig = OutgoingRig.connected();
    rig.onEnd = (error) => rig.outgoing.disconnected(error, true);
    const outcome = rig.publish('a', { qos: 1 });
    rig.write('w', { qos: 1 });
    rig.write('x', { qos: 1 });
    rig.engine.cut();
    expect(await codes(outcome)).toEqual(['ERR_MQTT_CONNECTION_LOST']);
    expect(rig.drops).toEqual([]);
    rig.outgoing.seek();
    const next = rig.publish('b', { qos: 1 });
    rig.reconnect();
    expect(new Set(rig.engine.published.map((one) => one.slot)).size).toBe(4);
    rig.engine.finish(0x97);
    rig.engine.finish();
    rig.engine.finish(0x97);
    expect(await codes(next)).toEqual([undefined]);
    rig.engine.finish();
    expect(await codes(next)).toEqual(['ok']);
    expect(rig.drops).toEqual(['undefined undefined ERR_MQTT_PUBLISH']);
    expect(rig.outgoing.snapshot()).toMatchObject({
      delivered: 2, inFlight: 0, dropped: { ERR_MQTT_CONNECTION_LOST: 1, ERR_MQTT_PUBLISH: 1 },
    });
  });

  it('a producer that waits for drain is woken, also when the kept engine is full', () => {
    const rig = OutgoingRig.connected({ highWaterMessages: 2 });
    rig.onEnd = (error) => rig.outgoing.disconnected(error, true);
    rig.write('a', { qos: 1 });
    expect(rig.write('b', { qos: 1 })).toBe(false);
    rig.engine.cut();
    expect(rig.drains).toBe(1);
  });

  it('what came back unsent fails with what was queued, in order', async () => {
    const rig = OutgoingRig.connected();
    rig.onEnd = (error) => rig.outgoing.disconnected(error, false);
    const order: string[] = [];
    rig.onDrop = ({ topic }) => order.push(topic!);
    rig.engine.room = 2;
    for (const topic of ['a', 'b', 'c']) rig.write(topic, { qos: 1 });
    rig.engine.cut(0);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('reconnecting that is given up: what waited fails with that', async () => {
    const rig = OutgoingRig.seeking();
    const outcomes = [rig.publish('a'), rig.publish('b', { qos: 1 })];
    rig.outgoing.disconnected(new MqttError('ERR_MQTT_REFUSED', 'no'), false);
    expect(await codes(...outcomes)).toEqual(['ERR_MQTT_REFUSED', 'ERR_MQTT_REFUSED']);
    rig.outgoing.seek();
    rig.connect();
    expect(rig.topics).toEqual([]);
  });
});

describe('write() at QoS 1 and 2', () => {
  it('refused by the server: drop and counters, and its slot is free', () => {
    const rig = OutgoingRig.connected();
    rig.write('a', { qos: 1 });
    const { slot } = rig.engine.finish(0x87);
    expect(rig.drops).toEqual(['undefined undefined ERR_MQTT_PUBLISH']);
    rig.write('b', { qos: 2 });
    expect(rig.engine.finish().slot).toBe(slot);
    expect(rig.outgoing.snapshot()).toMatchObject({ delivered: 1, dropped: { ERR_MQTT_PUBLISH: 1 }, inFlight: 0 });
  });

  it('is not waited for by timeouts, and keeps no promise waiting', () => {
    const rig = OutgoingRig.connected({}, 1);
    rig.write('a', { qos: 1 });
    expect(rig.outgoing.pending.waiting).toBe(0);
  });
});

describe('close()', () => {
  it('is idle when queue and engine are empty and every promise has settled', async () => {
    const rig = OutgoingRig.connected();
    rig.engine.room = 1;
    rig.publish('a', { qos: 1 });
    rig.write('b', { qos: 1 });
    rig.write('c');
    rig.outgoing.shut();
    let idle = 0;
    rig.outgoing.whenIdle(() => { idle += 1; });
    rig.engine.finish();
    rig.engine.giveRoom(1);
    rig.engine.finish();
    expect(idle).toBe(0);
    rig.engine.giveRoom(1);
    rig.engine.finish();
    await turn();
    expect(idle).toBe(1);
  });
});

// The same numbers in every run.
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('any order of events', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    it(`every publish settles as its own message did, and order is kept [seed ${seed}]`, async () => {
      const below = random(seed * 7919);
      const overflow = (['reject', 'drop-oldest', 'drop-newest', 'wait'] as const)[seed % 4]!;
      const rig = OutgoingRig.seeking({ maxMessages: 25, overflow });
      const outcomes: { topic: string; outcome: Outcome; controller: AbortController }[] = [];
      const answers = new Map<string, number>();
      const written = new Set<string>();
      const gone = new Set<string>();
      rig.onDrop = ({ topic }) => {
        if (topic !== undefined) {
          expect(written.has(topic) && !gone.has(topic)).toBe(true);
          gone.add(topic);
        }
      };
      let state: 'seeking' | 'connected' | 'disconnected' = 'seeking';
      let made = 0;
      let seen = -1;
      const handedOver = new Set<string>();
      /** Topics are numbers: what is new to an engine must be above all before it. */
      const checkOrder = (): void => {
        for (const { topic } of rig.engine.published) {
          if (handedOver.has(topic)) continue;
          handedOver.add(topic);
          expect(Number(topic)).toBeGreaterThan(seen);
          seen = Number(topic);
        }
      };
      const finish = (at: number, reasonCode: number): void => {
        const [one] = rig.engine.published.splice(at, 1);
        answers.set(one!.topic, reasonCode);
        if (one!.slot >= 0) rig.engine.sink.onPublished(one!.slot, reasonCode, undefined);
        rig.engine.sink.onCredit(1, one!.bytes);
      };
      for (let step = 0; step < 600; step += 1) {
        const dice = below(100);
        if (dice < 35) {
          const qos = below(3) as 0 | 1 | 2;
          const topic = String(made);
          made += 1;
          if (below(3) === 0) {
            written.add(topic);
            try {
              rig.write(topic, { qos });
            } catch {
              gone.add(topic);
            }
          } else {
            const controller = new AbortController();
            outcomes.push({ topic, outcome: rig.publish(topic, { qos, signal: controller.signal }), controller });
          }
        } else if (dice < 45) {
          if (outcomes.length > 0) outcomes[below(outcomes.length)]!.controller.abort();
        } else if (state === 'connected') {
          if (dice < 70) {
            if (rig.engine.published.length > 0) finish(below(rig.engine.published.length), below(5) === 0 ? 0x97 : 0);
          } else if (dice < 85) {
            rig.engine.giveRoom(below(8));
          } else if (dice < 95) {
            const how = below(4);
            rig.onEnd = (error) => {
              if (how === 0) rig.outgoing.interrupted();
              else if (how === 1) rig.outgoing.interrupted(error);
              else rig.outgoing.disconnected(error, how === 2);
            };
            rig.engine.cut(below(rig.engine.published.length + 1));
            if (how === 1 || how === 3) rig.engine.published.length = 0;
            // What comes back is older than what was handed over.
            for (const topic of [...handedOver]) if (!rig.topics.includes(topic)) handedOver.delete(topic);
            seen = Math.max(-1, ...rig.topics.map(Number));
            state = how < 2 ? 'seeking' : 'disconnected';
          }
        } else if (state === 'disconnected') {
          if (dice < 60) {
            rig.outgoing.seek();
            state = 'seeking';
          }
        } else if (dice < 75) {
          // The engine that holds something must go on with it.
          if (rig.engine !== undefined && rig.engine.published.length > 0) rig.reconnect();
          else rig.connect();
          state = 'connected';
        }
        if (state === 'connected') checkOrder();
        if (step % 50 === 0) await turn();
      }
      if (state !== 'connected') {
        rig.outgoing.seek();
        if (rig.engine.published.length > 0) rig.reconnect();
        else rig.connect();
      }
      rig.engine.giveRoom(Infinity);
      checkOrder();
      while (rig.engine.published.length > 0) finish(0, 0);
      await turn();
      for (const { topic, outcome, controller } of outcomes) {
        expect(outcome.settled, `publish ${topic}`).toBe(true);
        const answer = answers.get(topic);
        if (outcome.error === undefined) expect(answer, `publish ${topic}`).toBe(0);
        else if (outcome.error.code === 'ERR_MQTT_PUBLISH') expect(answer, `publish ${topic}`).toBe(0x97);
        else if (outcome.error.code === 'ERR_MQTT_ABORTED') expect(controller.signal.aborted).toBe(true);
        else if (outcome.error.code === 'ERR_MQTT_QUEUE_FULL') expect([answer, overflow === 'wait']).toEqual([undefined, false]);
      }
      const stats = rig.outgoing.snapshot();
      expect(stats).toMatchObject({ inFlight: 0, queue: { messages: 0, bytes: 0 } });
      expect(rig.outgoing.pending.waiting).toBe(0);
      expect(rig.outgoing.pending.taken()).toEqual([]);
      // Everything that was taken is either through or given up, QoS 0 of write() included.
      expect(stats.delivered + Object.values(stats.dropped).reduce((sum, one) => sum + one, 0)).toBe(stats.published.messages);
    });
  }
});
