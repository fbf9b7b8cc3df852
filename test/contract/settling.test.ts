/**
 * Every promise settles, once, with a reason: by a signal, by its time, by the answer, or with the link. Links are cut between any two
 * packets of a whole conversation, with reconnecting and without.
 */
import { describe, expect } from 'vitest';
import { runChild } from '../support/child.js';
import { forEachEngine, upTo } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { eventsOf, LATER, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import type { Side } from '../support/link-proxy.js';
import { codeOf, failureOf, outcomeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Client, ClientOptions, WaitOptions } from 'mqtt-native';

const servers = startServers();

/** The verbs that wait for an answer, each with a wait of its own. */
const VERBS: readonly [name: string, call: (client: Client, wait: WaitOptions) => Promise<unknown>][] = [
  ['publish() of QoS 1', (client, wait) => client.publish('t', 'x', { qos: 1, ...wait })],
  ['publish() of QoS 2', (client, wait) => client.publish('t', 'x', { qos: 2, ...wait })],
  ['subscribe()', (client, wait) => client.subscribe('t', wait)],
  ['unsubscribe()', (client, wait) => client.unsubscribe('t', wait)],
];

/** Packets a conversation has at most, one way. */
const PACKETS = 14;

/** One of each verb and then close(); how each ended. Counts settlements, because a promise cannot tell that it was settled twice. */
async function conversation(client: Client, topic: string): Promise<Record<string, string>> {
  const ends: Record<string, string> = {};
  const note = (name: string, promise: Promise<unknown>): Promise<void> => outcomeOf(promise).then((outcome) => {
    expect(ends[name], `${name} ended before`).toBeUndefined();
    ends[name] = outcome;
  });
  const connected = note('connect', client.connect());
  const all = [connected];
  await connected;
  all.push(note('subscribe', client.subscribe(topic, { qos: 2 })));
  for (const qos of [0, 1, 2] as const) {
    all.push(note(`publish ${qos}`, client.publish(topic, 'x', { qos })));
  }
  all.push(note('unsubscribe', client.unsubscribe(topic)));
  await Promise.all(all);
  await note('close', client.close());
  return ends;
}

forEachEngine((engine) => {
  /** Connected, and nothing is answered any more. */
  async function unanswered(how: EngineUnderTest, options: Partial<ClientOptions> = {}): Promise<Client> {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await how.connected(proxy.url, options);
    proxy.hold();
    return client;
  }

  describe('a signal', () => {
    for (const [name, call] of VERBS) {
      engine.case(`ends ${name} on its way with ERR_MQTT_ABORTED and its reason, and nothing else`, async () => {
        const proxy = await LinkProxy.before(servers.mosquitto.url);
        const client = await engine.connected(proxy.url);
        proxy.hold();
        const aborting = new AbortController();
        const reason = new Error('changed my mind');
        const failed = failureOf(call(client, { signal: aborting.signal }));
        const other = call(client, {});
        aborting.abort(reason);
        const error = await failed;
        expect(error.code).toBe('ERR_MQTT_ABORTED');
        expect(error.cause).toBe(reason);
        proxy.release();
        await other;
        // A signal that is aborted again, or after the end, does nothing.
        const late = new AbortController();
        await call(client, { signal: late.signal });
        late.abort();
        await client.close();
      });

      engine.case(`aborted before ${name}: nothing is sent`, async () => {
        const proxy = await LinkProxy.before(servers.mosquitto.url);
        const client = await engine.connected(proxy.url);
        const sent: number[] = [];
        proxy.onPacket = (from, packet) => {
          if (from === 'client') {
            sent.push(packet[0]! >> 4);
          }
          return 'pass';
        };
        expect(await codeOf(call(client, { signal: AbortSignal.abort() }))).toBe('ERR_MQTT_ABORTED');
        await client.close();
        await proxy.ended();
        expect(sent).toEqual([14]);
      });

      engine.case(`ends ${name} that waits for a connection`, async () => {
        const proxy = await LinkProxy.before(servers.mosquitto.url);
        const client = await engine.connected(proxy.url, { reconnect: LATER });
        const events = eventsOf(client);
        proxy.cut();
        await untilEvent(events, 'disconnect');
        const aborting = new AbortController();
        const failed = codeOf(call(client, { signal: aborting.signal }));
        aborting.abort();
        expect(await failed).toBe('ERR_MQTT_ABORTED');
      });
    }

    engine.case('ends connect() while the server has not answered', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.hold();
      const client = engine.client(proxy.url);
      const aborting = new AbortController();
      const failed = codeOf(client.connect({ signal: aborting.signal }));
      aborting.abort();
      expect(await failed).toBe('ERR_MQTT_ABORTED');
      expect(client.state).toBe('disconnected');
      proxy.release();
      await client.connect();
    });

    engine.case('ends the wait of close(), and the client is closed', async () => {
      const client = await unanswered(engine);
      const waiting = codeOf(client.publish('t', 'x', { qos: 1 }));
      const aborting = new AbortController();
      const closing = codeOf(client.close({ signal: aborting.signal }));
      aborting.abort();
      expect(await closing).toBe('ERR_MQTT_ABORTED');
      expect(await waiting).toBe('ERR_MQTT_CLOSED');
      expect(client.state).toBe('closed');
    });
  });

  describe('time', () => {
    for (const [name, call] of VERBS) {
      engine.case(`ends ${name} with ERR_MQTT_TIMEOUT: its own`, async () => {
        const client = await unanswered(engine);
        expect(await codeOf(call(client, { timeout: 20 }))).toBe('ERR_MQTT_TIMEOUT');
      });

      engine.case(`ends ${name} with ERR_MQTT_TIMEOUT: operationTimeout, also while there is no connection`, async () => {
        const proxy = await LinkProxy.before(servers.mosquitto.url);
        const client = await engine.connected(proxy.url, { operationTimeout: 20, reconnect: LATER });
        const events = eventsOf(client);
        proxy.cut();
        await untilEvent(events, 'disconnect');
        expect(await codeOf(call(client, {}))).toBe('ERR_MQTT_TIMEOUT');
        expect(client.state).toBe('reconnecting');
      });
    }

    engine.case('ends connect() with ERR_MQTT_TIMEOUT: connectTimeout', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.hold();
      const client = engine.client(proxy.url, { connectTimeout: 100, protocolVersion: 5 });
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_TIMEOUT');
    });

    engine.case('ends the wait of close() with ERR_MQTT_TIMEOUT, and the client is closed', async () => {
      const client = await unanswered(engine);
      const waiting = codeOf(client.publish('t', 'x', { qos: 1, timeout: 0 }));
      expect(await codeOf(client.close({ timeout: 20 }))).toBe('ERR_MQTT_TIMEOUT');
      expect(await waiting).toBe('ERR_MQTT_CLOSED');
      expect(client.state).toBe('closed');
    });
  });

  forEachServer(servers, (server) => {
    for (const side of ['client', 'server'] as const satisfies readonly Side[]) {
      engine.case(`a link cut at each packet of the ${side} in turn: everything settles, and the client connects again`, async () => {
        for (const at of upTo(PACKETS)) {
          const proxy = await LinkProxy.before(server.url);
          let packets = 0;
          proxy.onPacket = (from) => {
            if (from !== side) {
              return 'pass';
            }
            packets += 1;
            return packets - 1 === at ? 'cut' : 'pass';
          };
          const client = engine.client(proxy.url, { protocolVersion: server.version });
          const ends = await conversation(client, freshTopic(engine));
          expect(Object.keys(ends).length).toBe(7);
          for (const [name, outcome] of Object.entries(ends)) {
            expect(outcome, `${name} when packet ${at} was cut`).toMatch(/^(ok|ERR_MQTT_(CONNECTION_LOST|NOT_CONNECTED|CONNECT))$/);
          }
          expect(client.state).toBe('closed');
        }
      });

      engine.case(`the same with reconnecting and a session: everything is done in the end [packets of the ${side}]`, async () => {
        for (const at of upTo(PACKETS).slice(1)) {
          const topic = freshTopic(engine);
          const proxy = await LinkProxy.before(server.url);
          let packets = 0;
          proxy.onPacket = (from, packet) => {
            // The end is left alone: who closes does not come back.
            if (from !== side || packet[0]! >> 4 === 14) {
              return 'pass';
            }
            packets += 1;
            return packets - 1 === at ? 'cut-after' : 'pass';
          };
          const options = {
            protocolVersion: server.version, clientId: topic.replace(/\W/g, ''), cleanStart: false,
            ...(server.version === 5 ? { sessionExpiryInterval: 100 } : {}),
          };
          // Aedes has a session only where it has a subscription: it is there from the beginning.
          const before = await engine.connected(server.url, options);
          await before.subscribe(`${topic}/kept`, { qos: 1 });
          await before.close();
          const client = engine.client(proxy.url, { ...options, reconnect: { ...SOON, initial: true } });
          const ends = await conversation(client, topic);
          for (const [name, outcome] of Object.entries(ends)) {
            // Requests and QoS 0 have no session: what was written when the link went may be lost.
            expect(outcome, `${name} when the link was cut after packet ${at}`).toMatch(/subscribe|publish 0/.test(name) ? /^(ok|ERR_MQTT_CONNECTION_LOST)$/ : /^ok$/);
          }
        }
      });
    }

    engine.case('500 publishes of every QoS and the link cut in their midst: each settles', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = await engine.connected(proxy.url, { protocolVersion: server.version });
      let packets = 0;
      proxy.onPacket = () => {
        packets += 1;
        return packets === 150 ? 'cut' : 'pass';
      };
      let settled = 0;
      const outcomes = await Promise.all(upTo(500).map((index) => outcomeOf(client.publish('t', String(index), { qos: (index % 3) as 0 | 1 | 2 })).finally(() => { settled += 1; })));
      expect(settled).toBe(500);
      expect(new Set(outcomes)).toEqual(new Set(['ok', 'ERR_MQTT_CONNECTION_LOST']));
    });
  });

  describe('the process', () => {
    for (const how of ['closed', 'destroyed', 'given-up', 'unref'] as const) {
      engine.case(`ends by itself: a client that was reconnecting and is ${how}`, async () => {
        const proxy = await LinkProxy.before(servers.mosquitto.url);
        // The child's first connection is let through, and nothing after it.
        proxy.onPacket = (from, packet) => {
          if (from === 'server' && packet[0]! >> 4 === 2) {
            proxy.refuse();
            return 'cut-after';
          }
          return 'pass';
        };
        const end = await runChild('reconnecting.cjs', [engine.name, proxy.url, how]);
        expect(end.stderr).toBe('');
        expect(end.lines).toEqual(['connected', 'reconnecting', 'nothing left to do']);
        expect(end.code).toBe(0);
      });
    }
  });
});
