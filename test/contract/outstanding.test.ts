/**
 * More publishes at once than MQTT has packet identifiers: 65,535 are not a limit of the client, only of what is on its way at a time.
 */
import { expect } from 'vitest';
import { forEachEngine, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { outcomeOf } from '../support/outcomes.js';
import { freshTopic, startServers } from '../support/servers.js';
import type { Server } from '../support/servers.js';
import { withSafetyNet } from '../support/waiting.js';

const servers = startServers();

const COUNT = 70_000;
/** ms until a promise is missed that should have been kept while 70,000 are; on a busy machine, too. */
const LONG = 100_000;

forEachEngine((engine) => {
  /** Counts 0, 1, 2 ... as they arrive; `done` is fulfilled at COUNT, and rejected at the first that is out of order. */
  async function counting(server: Pick<Server, 'url' | 'version'>, topic: string): Promise<{ done: Promise<void> }> {
    const watcher = await engine.connected(server.url, { protocolVersion: server.version });
    let expected = 0;
    let arrived: () => void = () => undefined;
    let wrong: (error: Error) => void = () => undefined;
    const done = new Promise<void>((resolve, reject) => { [arrived, wrong] = [resolve, reject]; });
    done.catch(() => undefined);
    await watcher.subscribe(topic, { qos: 1 }, (message) => {
      if (message.text() !== String(expected)) {
        wrong(new Error(`message ${message.text()} came where ${expected} was due`));
      }
      expected += 1;
      if (expected === COUNT) {
        arrived();
      }
    });
    // Within an object: a promise that is returned would be awaited.
    return { done };
  }

  // Each takes seconds: one broker for each version.
  for (const server of servers.all.filter(({ name }) => name !== 'Mosquitto, 3.1.1')) {
    engine.case(`70,000 publishes of QoS 1 at once: each settles, and they arrive in order [${server.name}]`, async () => {
      const topic = freshTopic(engine);
      const { done } = await counting(server, topic);
      const client = await engine.connected(server.url, { protocolVersion: server.version });
      const results = upTo(COUNT).map((index) => client.publish(topic, String(index), { qos: 1, timeout: 0 }));
      await withSafetyNet('the last result', Promise.all(results), () => JSON.stringify(client.stats), LONG);
      await withSafetyNet('the last message', done, () => 'it did not arrive', LONG);
      expect(client.stats).toMatchObject({ delivered: COUNT, inFlight: 0, queue: { messages: 0, bytes: 0 } });
    }, { timeout: 2 * LONG });
  }

  engine.case('70,000 publishes while the broker is away: each settles after it is back', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await engine.connected(proxy.url, { reconnect: SOON });
    const events = eventsOf(client);
    proxy.down();
    await untilEvent(events, 'disconnect');
    const results = upTo(COUNT).map((index) => client.publish('nobody/listens', String(index), { qos: 1, timeout: 0 }));
    expect(client.stats.queue.messages).toBe(COUNT);
    proxy.up();
    await withSafetyNet('the last result', Promise.all(results), () => JSON.stringify(client.stats), LONG);
    expect(client.stats.queue).toEqual({ messages: 0, bytes: 0 });
  }, { timeout: 2 * LONG });

  engine.case('70,000 publishes and the client destroyed: each is rejected with ERR_MQTT_CLOSED', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await engine.connected(proxy.url);
    proxy.hold();
    const outcomes = upTo(COUNT).map((index) => outcomeOf(client.publish('t', String(index), { qos: 1, timeout: 0 })));
    client.destroy();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['ERR_MQTT_CLOSED']));
    expect(client.stats.dropped).toEqual({ ERR_MQTT_CLOSED: COUNT });
  }, { timeout: LONG });
});
