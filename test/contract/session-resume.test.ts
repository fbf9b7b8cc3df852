/**
 * A connection is cut at the worst moment and made again. Where the server has kept the session nothing is lost and QoS 2 is delivered
 * once; where it has not, the subscriptions are made anew as they were.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { errorsOf, eventsOf, LATER, SOON, untilEvent } from '../support/events.js';
import { LinkProxy, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBSCRIBE, typeOf } from '../support/link-proxy.js';
import type { Verdict } from '../support/link-proxy.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { packetIdentifier, packetsOf } from '../support/packets.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Server } from '../support/servers.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';
import type { Client, ClientOptions, ConnectResult, Message } from 'mqtt-native';

const servers = startServers();

/** Every `every`th packet, whichever way it goes, ends its link: in turn before it arrives and after. */
function cuttingEvery(every: number, cuts: number): () => Verdict {
  let packets = 0;
  let done = 0;
  return () => {
    packets += 1;
    if (packets % every !== 0 || done === cuts) {
      return 'pass';
    }
    done += 1;
    return done % 2 === 0 ? 'cut' : 'cut-after';
  };
}

/** The first of each number, in the order they came. */
function firstOfEach(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    /** A client that reconnects, whose session the server keeps. */
    const keeping = (): Partial<ClientOptions> & { clientId: string } => ({
      protocolVersion: server.version, clientId: freshTopic(engine, server.name).replace(/\W/g, ''), cleanStart: false, reconnect: SOON,
      ...(server.version === 5 ? { sessionExpiryInterval: 1000 } : {}),
    });
    const plain = { protocolVersion: server.version } as const;
    /** Aedes says that it has a session only where it has a subscription of it: this is one to have. */
    const connectedKeeping = async (url: string, options = keeping()): Promise<Client> => {
      const client = await engine.connected(url, options);
      await client.subscribe(`${options.clientId}/kept`, { qos: 1 });
      return client;
    };
    /**
     * Aedes 1.2 sends a PUBLISH again for which it has had PUBREC, without DUP, and lets new messages pass those it still has to send
     * again. No receiver can put that right.
     */
    const resumesAsTheStandardSays = server.broker !== 'aedes';

    engine.case('what others publish while the client is away arrives when it is back, in order', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, keeping());
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      await client.subscribe(topic, { qos: 2 });
      proxy.down();
      await untilEvent(events, 'disconnect');
      const publisher = await engine.connected(server.url, plain);
      for (const index of upTo(50)) {
        await publisher.publish(topic, String(index), { qos: index % 2 === 0 ? 1 : 2 });
      }
      proxy.up();
      expect(numbersOf(await messages.take(50))).toEqual(upTo(50));
      await publisher.publish(topic, '50', { qos: 1 });
      expect((await messages.next()).text()).toBe('50');
    });

    engine.case('a loop over a subscription goes on over a reconnection as if nothing had happened', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = await connectedKeeping(proxy.url);
      const subscription = await client.subscribe(topic, { qos: 2 });
      const publisher = await engine.connected(server.url, plain);
      const sending = (async () => {
        for (const index of upTo(60)) {
          if (index % 20 === 10) {
            proxy.cut();
          }
          await publisher.publish(topic, String(index), { qos: 2 });
        }
      })();
      const got = new Set<number>();
      for await (const message of subscription) {
        got.add(Number(message.text()));
        if (got.size === 60) {
          break;
        }
      }
      await sending;
      expect(resumesAsTheStandardSays ? [...got] : [...got].sort((a, b) => a - b)).toEqual(upTo(60));
    });

    engine.case('200 messages of QoS 2 out over a link that is cut nine times: each arrives once, in order, and every promise is kept [MQTT-4.3.3]', async () => {
      const topic = freshTopic(engine);
      const watcher = await engine.connected(server.url, plain);
      const messages = messagesOf(watcher);
      await watcher.subscribe(topic, { qos: 2 });
      const proxy = await LinkProxy.before(server.url);
      const client = await connectedKeeping(proxy.url);
      const events = eventsOf(client);
      proxy.onPacket = cuttingEvery(79, 9);
      await Promise.all(upTo(200).map((index) => client.publish(topic, String(index), { qos: 2 })));
      expect(numbersOf(await messages.take(200))).toEqual(upTo(200));
      await client.publish(topic, 'end', { qos: 2 });
      expect((await messages.next()).text()).toBe('end');
      expect(events.all.filter((event) => event.name === 'disconnect').length).toBe(9);
    }, { timeout: 60_000 });

    engine.case(`200 messages of QoS 2 in over a link that is cut nine times: ${resumesAsTheStandardSays
      ? 'each is delivered once, in order [MQTT-4.3.3]' : 'none is lost'}`, async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = await connectedKeeping(proxy.url);
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 2 });
      const publisher = await engine.connected(server.url, plain);
      proxy.onPacket = cuttingEvery(79, 9);
      await Promise.all(upTo(200).map((index) => publisher.publish(topic, String(index), { qos: 2 })));
      await publisher.publish(topic, '200', { qos: 2 });
      const missing = new Set(upTo(201));
      const got = numbersOf(await messages.until((message) => missing.delete(Number(message.text())) && missing.size === 0));
      if (resumesAsTheStandardSays) {
        expect(got).toEqual(upTo(201));
      }
      expect(events.all.filter((event) => event.name === 'disconnect').length).toBe(9);
    }, { timeout: 60_000 });

    engine.case('200 messages of QoS 1 both ways over a link that is cut nine times: none is lost, and the first of each come in order', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = await connectedKeeping(proxy.url);
      const numbers: number[] = [];
      const missing = new Set(upTo(200));
      let all: () => void = () => undefined;
      const complete = new Promise<void>((resolve) => { all = resolve; });
      await client.subscribe(topic, { qos: 1 }, (message: Message) => {
        numbers.push(Number(message.text()));
        missing.delete(Number(message.text()));
        if (missing.size === 0) {
          all();
        }
      });
      proxy.onPacket = cuttingEvery(61, 9);
      await Promise.all(upTo(200).map((index) => client.publish(topic, String(index), { qos: 1 })));
      await withSafetyNet('the last message', complete, () => `${missing.size} are missing`);
      if (resumesAsTheStandardSays) {
        expect(firstOfEach(numbers)).toEqual(upTo(200));
      }
    }, { timeout: 60_000 });

    for (const [lost, qos] of [[PUBACK, 1], [PUBREC, 2], [PUBCOMP, 2]] as const) {
      const name = { [PUBACK]: 'PUBACK', [PUBREC]: 'PUBREC', [PUBCOMP]: 'PUBCOMP' }[lost];
      engine.case(`a publish whose ${name} was lost with the link is fulfilled after the next connection`, async () => {
        const topic = freshTopic(engine);
        const watcher = await engine.connected(server.url, plain);
        const messages = messagesOf(watcher);
        await watcher.subscribe(topic, { qos: 2 });
        const proxy = await LinkProxy.before(server.url);
        const client = await connectedKeeping(proxy.url);
        const results = Inbox.of<boolean, [ConnectResult]>(client, 'connect', (result) => result.sessionPresent);
        proxy.onPacket = (from, packet) => {
          if (from === 'server' && typeOf(packet) === lost) {
            proxy.onPacket = () => 'pass';
            return 'cut';
          }
          return 'pass';
        };
        await client.publish(topic, 'kept', { qos });
        expect(await results.next()).toBe(true);
        expect((await messages.next()).text()).toBe('kept');
        await client.publish(topic, 'end', { qos: 2 });
        const rest = (await messages.until((message) => message.text() === 'end')).slice(0, -1);
        // QoS 1 may arrive twice, QoS 2 may not.
        expect(rest.map((message) => message.text())).toEqual(qos === 1 ? rest.map(() => 'kept') : []);
      });
    }

    engine.case('subscriptions of a session that is gone are made again, with handler, loop and QoS', async () => {
      const base = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      const handled = new Inbox<Message>('a message of the handler');
      await client.subscribe(`${base}/handler/+`, { qos: 2 }, (message: Message) => { handled.push(message); });
      const subscription = await client.subscribe({ [`${base}/loop`]: { qos: 1 }, [`${base}/second`]: { qos: 0 } });
      const loop = subscription[Symbol.asyncIterator]();
      const first = loop.next();
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      // Subscribed again before anything that the application says now is sent.
      for (const name of ['handler/1', 'loop', 'second']) {
        await client.publish(`${base}/${name}`, name, { qos: 2 });
      }
      expect(await handled.next()).toMatchObject({ topic: `${base}/handler/1`, qos: 2 });
      expect((await first).value).toMatchObject({ topic: `${base}/loop`, qos: 1 });
      expect((await loop.next()).value).toMatchObject({ topic: `${base}/second`, qos: 0 });
      await loop.return!();
      expect(subscription.active).toBe(true);
      expect([...subscription.filters].sort()).toEqual([`${base}/loop`, `${base}/second`]);
    });

    engine.case('what was unsubscribed is not subscribed again', async () => {
      const base = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      await client.subscribe([`${base}/a`, `${base}/b`, `${base}/c`], { qos: 1 });
      const whole = await client.subscribe(`${base}/d`, { qos: 1 });
      await client.unsubscribe(`${base}/b`);
      await whole.unsubscribe();
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      for (const name of ['a', 'b', 'c', 'd']) {
        await client.publish(`${base}/${name}`, name, { qos: 1 });
      }
      await client.publish(`${base}/a`, 'end', { qos: 1 });
      expect((await messages.until((message) => message.text() === 'end')).map((message) => message.text())).toEqual(['a', 'c', 'end']);
    });

    engine.case('what was unsubscribed while the client was away is not subscribed again either', async () => {
      const base = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      const gone = await client.subscribe(`${base}/gone`, { qos: 1 });
      await client.subscribe(`${base}/stays`, { qos: 1 });
      proxy.down();
      await untilEvent(events, 'disconnect');
      const unsubscribed = gone.unsubscribe();
      proxy.up();
      await unsubscribed;
      await client.publish(`${base}/gone`, 'x', { qos: 1 });
      await client.publish(`${base}/stays`, 'y', { qos: 1 });
      expect((await messages.next()).text()).toBe('y');
      expect(gone.active).toBe(false);
    });

    engine.case('a session that should have been there and is gone: what was in flight is ERR_MQTT_CONNECTION_LOST, the rest is sent', async () => {
      const topic = freshTopic(engine);
      const options = keeping();
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, options);
      const events = eventsOf(client);
      const results = Inbox.of<boolean, [ConnectResult]>(client, 'connect', (result) => result.sessionPresent);
      const messages = messagesOf(client);
      await client.connect();
      await results.next();
      await client.subscribe(topic, { qos: 1 });
      proxy.onPacket = (from, packet) => {
        if (from === 'client' && typeOf(packet) === PUBLISH) {
          proxy.down();
        }
        return 'pass';
      };
      const inFlight = codeOf(client.publish(topic, 'in flight', { qos: 1 }));
      await untilEvent(events, 'disconnect');
      proxy.onPacket = () => 'pass';
      const queued = client.publish(topic, 'queued', { qos: 1 });
      // Who begins a session of its own with the same name ends the old one.
      const other = await engine.connected(server.url, { ...plain, clientId: options.clientId, cleanStart: true });
      await other.close();
      proxy.up();
      expect(await inFlight).toBe('ERR_MQTT_CONNECTION_LOST');
      expect(await results.next()).toBe(false);
      await queued;
      expect((await messages.next()).text()).toBe('queued');
    });

    engine.case('without a session that goes on, what was in flight fails with the connection, and what was not sent goes out with the next', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      proxy.onPacket = (from, packet) => {
        if (from === 'server' && typeOf(packet) === PUBACK) {
          proxy.onPacket = () => 'pass';
          proxy.down();
          return 'cut';
        }
        return 'pass';
      };
      const inFlight = outcomeOf(client.publish(topic, 'in flight', { qos: 1 }));
      await untilEvent(events, 'disconnect');
      const waiting = outcomeOf(client.publish(topic, 'waiting', { qos: 1 }));
      expect(await inFlight).toBe('ERR_MQTT_CONNECTION_LOST');
      proxy.up();
      expect(await waiting).toBe('ok');
    });

    engine.case('reconnect: false and a session: what was in flight has failed, and is sent again by the next connect() all the same', async () => {
      const topic = freshTopic(engine);
      const watcher = await engine.connected(server.url, plain);
      const messages = messagesOf(watcher);
      await watcher.subscribe(topic, { qos: 1 });
      const proxy = await LinkProxy.before(server.url);
      const client = await connectedKeeping(proxy.url, { ...keeping(), reconnect: false });
      proxy.onPacket = (from, packet) => (from === 'client' && typeOf(packet) === PUBLISH ? 'cut' : 'pass');
      expect(await codeOf(client.publish(topic, 'in flight', { qos: 1 }))).toBe('ERR_MQTT_CONNECTION_LOST');
      expect(messages.all.length).toBe(0);
      proxy.onPacket = () => 'pass';
      expect((await client.connect()).sessionPresent).toBe(true);
      expect((await messages.next()).text()).toBe('in flight');
      await client.publish(topic, 'next', { qos: 1 });
      expect((await messages.next()).text()).toBe('next');
    });
  });

  describe('Mosquitto, 5', () => {
    const server: Pick<Server, 'url' | 'version'> = { get url() { return servers.mosquitto.url; }, version: 5 };

    engine.case('the options of a subscription are the same when it is made again: noLocal, retainAsPublished, retainHandling', async () => {
      const base = freshTopic(engine);
      const publisher = await engine.connected(server.url, { protocolVersion: 5 });
      for (const name of ['never', 'always']) {
        await publisher.publish(`${base}/${name}`, 'kept', { qos: 1, retain: true });
      }
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: 5, reconnect: SOON });
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      await client.subscribe(`${base}/never`, { qos: 1, retainHandling: 2, retainAsPublished: true });
      await client.subscribe(`${base}/always`, { qos: 1, retainHandling: 0 });
      await client.subscribe(`${base}/others`, { qos: 1, noLocal: true, subscriptionIdentifier: 77 });
      expect(await messages.next()).toMatchObject({ topic: `${base}/always`, retain: true });
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      expect(await messages.next()).toMatchObject({ topic: `${base}/always`, retain: true });
      await client.publish(`${base}/others`, 'own', { qos: 1 });
      await publisher.publish(`${base}/others`, 'of another', { qos: 1 });
      const other = await messages.next();
      expect(other.text()).toBe('of another');
      expect(other.properties.subscriptionIdentifiers).toEqual([77]);
      await publisher.publish(`${base}/never`, 'live', { qos: 1, retain: true });
      expect(await messages.next()).toMatchObject({ topic: `${base}/never`, retain: true });
      for (const name of ['never', 'always']) {
        await publisher.publish(`${base}/${name}`, '', { qos: 1, retain: true });
      }
    });

    engine.case('cleanStart with a session expiry begins anew once: later connections go on with the session', async () => {
      const topic = freshTopic(engine);
      const clientId = topic.replace(/\W/g, '');
      // A session from before, which the first connection must not go on with.
      const old = await engine.connected(server.url, { protocolVersion: 5, clientId, cleanStart: false, sessionExpiryInterval: 1000 });
      await old.subscribe(`${topic}/old`, { qos: 1 });
      await old.close();
      const proxy = await LinkProxy.before(server.url);
      const options = { protocolVersion: 5, clientId, cleanStart: true, sessionExpiryInterval: 1000, reconnect: SOON } as const;
      const client = engine.client(proxy.url, options);
      const results = Inbox.of<boolean, [ConnectResult]>(client, 'connect', (result) => result.sessionPresent);
      const messages = messagesOf(client);
      await client.connect();
      expect(await results.next()).toBe(false);
      await client.subscribe(topic, { qos: 1 });
      proxy.cut();
      expect(await results.next()).toBe(true);
      await client.publish(`${topic}/old`, 'x', { qos: 1 });
      await client.publish(topic, 'y', { qos: 1 });
      expect((await messages.next()).text()).toBe('y');
    });

    engine.case('an identifier the server chose is used again, so that its session is found [MQTT-3.1.3-7]', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: 5, clientId: '', sessionExpiryInterval: 1000, reconnect: SOON });
      const results = Inbox.of<boolean, [ConnectResult]>(client, 'connect', (result) => result.sessionPresent);
      await client.connect();
      expect(await results.next()).toBe(false);
      proxy.cut();
      expect(await results.next()).toBe(true);
    });

    engine.case('PUBREL that was lost is sent again, and the message is not published twice [MQTT-4.4.0-1]', async () => {
      const topic = freshTopic(engine);
      const watcher = await engine.connected(server.url, { protocolVersion: 5 });
      const messages = messagesOf(watcher);
      await watcher.subscribe(topic, { qos: 2 });
      const proxy = await LinkProxy.before(server.url);
      const client = await engine.connected(proxy.url, { protocolVersion: 5, sessionExpiryInterval: 1000, reconnect: SOON });
      const sent: number[] = [];
      proxy.onPacket = (from, packet) => {
        if (from === 'client' && [PUBLISH, PUBREL].includes(typeOf(packet))) {
          sent.push(typeOf(packet));
          if (sent.length === 2) {
            return 'cut';
          }
        }
        return 'pass';
      };
      await client.publish(topic, 'once', { qos: 2 });
      expect(sent).toEqual([PUBLISH, PUBREL, PUBREL]);
      await client.publish(topic, 'end', { qos: 2 });
      expect((await messages.take(2)).map((message) => message.text())).toEqual(['once', 'end']);
    });

    engine.case('a broker that is restarted with its stored sessions: nothing is lost', async () => {
      const topic = freshTopic(engine);
      const client = engine.client(server.url, { protocolVersion: 5, sessionExpiryInterval: 1000, reconnect: SOON });
      const events = eventsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      await client.subscribe(topic, { qos: 2 });
      await servers.mosquitto.shutDown();
      await untilEvent(events, 'offline');
      const results = upTo(100).map((index) => client.publish(topic, String(index), { qos: 2 }));
      await servers.mosquitto.restart();
      await Promise.all(results);
      expect(numbersOf(await messages.take(100))).toEqual(upTo(100));
    });

    engine.case('a subscription the server refuses when it is made again ends: its loop throws, a handler is told by error; others stay', async () => {
      const base = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: 5, reconnect: SOON });
      const errors = errorsOf(client);
      const messages = messagesOf(client);
      await client.connect();
      const looped = await client.subscribe(`${base}/refused/1`, { qos: 1 });
      const handled = await client.subscribe(`${base}/refused/2`, { qos: 1 }, () => undefined);
      await client.subscribe(`${base}/stays`, { qos: 1 });
      const ended = codeOf(looped[Symbol.asyncIterator]().next());
      // Mosquitto refuses no subscription, so the proxy does.
      proxy.onPacket = (from, packet, link) => {
        if (from === 'client' && typeOf(packet) === SUBSCRIBE && packet.includes('/refused')) {
          link.sendTo('client', packetsOf(5).suback(packetIdentifier(packet)!, [0x87]));
          return 'swallow';
        }
        return 'pass';
      };
      proxy.cut();
      expect(await ended).toBe('ERR_MQTT_SUBSCRIBE');
      expect(await errors.next()).toBe('ERR_MQTT_SUBSCRIBE');
      expect([looped.active, handled.active]).toEqual([false, false]);
      await client.publish(`${base}/stays`, 'x', { qos: 1 });
      expect((await messages.next()).text()).toBe('x');
      expect(errors.all.length).toBe(1);
    });
  });

  engine.case('a subscribe() in flight when the link is cut is answered after the next connection or fails: it does not stay open', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await engine.connected(proxy.url, { reconnect: LATER });
    const events = eventsOf(client);
    proxy.onPacket = (from, packet) => (from === 'client' && typeOf(packet) === SUBSCRIBE ? 'cut' : 'pass');
    const subscribed = outcomeOf(client.subscribe('t'));
    await untilEvent(events, 'disconnect');
    proxy.onPacket = () => 'pass';
    await client.connect();
    expect(await subscribed).toMatch(/^(ok|ERR_MQTT_CONNECTION_LOST)$/);
  });
});
