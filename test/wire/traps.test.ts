/**
 * Faults that Paho C and mqtt.js are known for, as an application would meet them: none of them may come through this client. Each case
 * names the trap of test/traps.ts it stands for; those that other files already cover are listed there.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting, cutAndReconnect } from '../support/scripted-client.js';
import type { ScriptedPair } from '../support/scripted-client.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

const CHILD = fileURLToPath(new URL('../lifetime/children/publish-and-close.cjs', import.meta.url));

/** Keeps the thread busy, as a listener that computes does. */
function block(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

forEachEngine((engine) => {
  describe('several clients in one process', () => {
    engine.case('a listener that blocks does not keep the publishes of another client from the wire [trap 1]', async () => {
      const slow = await connected(engine, broker, 5, { clientId: 'slow' });
      const other = await connected(engine, broker, 5, { clientId: 'other' });
      const MESSAGES = 400;
      let handed = 0;
      let publishing: Promise<unknown> | undefined;
      slow.client.on('message', () => {
        handed += 1;
        publishing ??= other.client.publish('t', 'x', { qos: 1 });
        block(3);
      });
      slow.link.send(...Array.from({ length: MESSAGES }, () => slow.packets.publish({ topic: 'busy' })));
      other.link.send(other.packets.puback(packetIdentifier(await other.link.expectType(3))!));
      await publishing;
      expect(handed).toBeLessThan(MESSAGES);
    });

    engine.case('a handler that never finishes holds its own acknowledgements and nobody else [trap 1]', async () => {
      const stuck = await connected(engine, broker, 5, { clientId: 'stuck' });
      const other = await connected(engine, broker, 5, { clientId: 'other' });
      const subscribing = stuck.client.subscribe('s', { qos: 1 }, () => new Promise(() => undefined));
      const subscribe = await stuck.link.expectType(8);
      stuck.link.send(stuck.packets.suback(packetIdentifier(subscribe)!, [1]), stuck.packets.publish({ topic: 's', qos: 1, id: 7 }));
      await subscribing;
      for (let index = 0; index < 100; index += 1) {
        const publishing = other.client.publish('t', String(index), { qos: 1 });
        other.link.send(other.packets.puback(packetIdentifier(await other.link.expectType(3))!));
        await publishing;
      }
      const own = stuck.client.publish('t', 'x', { qos: 1 });
      stuck.link.send(stuck.packets.puback(packetIdentifier(await stuck.link.expectType(3))!));
      await own;
    });

    engine.case('ten clients number their messages each for itself, and one that comes back resends only its own [trap 12]', async () => {
      const pairs: ScriptedPair[] = [];
      const outcomes: Promise<string>[] = [];
      for (let index = 0; index < 10; index += 1) {
        const pair = await connected(engine, broker, 5, { clientId: `c${index}`, cleanStart: false, sessionExpiryInterval: 1000 });
        outcomes.push(outcomeOf(pair.client.publish(`of/${index}`, 'x', { qos: 1 })));
        expect(packetIdentifier(await pair.link.expectType(3))).toBe(1);
        pairs.push(pair);
      }
      const next = await cutAndReconnect(broker, pairs[4]!, true);
      const again = await next.expectType(3);
      expect(again[0]).toBe(0x3a);
      expect(again.toString('latin1')).toContain('of/4');
      await next.barrier(5);
      for (const [index, { link }] of pairs.entries()) {
        if (index !== 4) {
          await link.barrier(5);
          link.send(pairs[0]!.packets.puback(1));
        }
      }
      next.send(pairs[0]!.packets.puback(1));
      const done = await Promise.all(outcomes);
      expect(done.filter((_, index) => index !== 4)).toEqual(Array(9).fill('ok'));
    });

    engine.case('70,000 messages of one client wait, and another one publishes 1,000 meanwhile [traps 11, 12]', async () => {
      const full = await connected(engine, broker, 5, { clientId: 'full' });
      const other = await connected(engine, broker, 5, { clientId: 'other' });
      let settled = 0;
      const backlog = Array.from({ length: 70_000 }, () => full.client.publish('t', 'x', { qos: 1 }).then(() => { settled += 1; }));
      for (let index = 0; index < 1000; index += 1) {
        const publishing = other.client.publish('t', 'x', { qos: 1 });
        const id = packetIdentifier(await other.link.expectType(3))!;
        other.link.send(other.packets.puback(id));
        await publishing;
      }
      expect(settled).toBe(0);
      for (let index = 0; index < backlog.length; index += 1) {
        full.link.send(full.packets.puback(packetIdentifier(await full.link.expectType(3))!));
      }
      await Promise.all(backlog);
      full.link.seen.length = 0;
    }, { timeout: 120_000 });

    engine.case('each is checked at its own interval, whoever connected last [trap 15]', async () => {
      const quick = await connected(engine, broker, 4, { clientId: 'quick', keepAlive: 1 });
      const quiet = await connected(engine, broker, 4, { clientId: 'quiet', keepAlive: 60 });
      const third = await connected(engine, broker, 4, { clientId: 'third', keepAlive: 2 });
      for (let index = 0; index < 4; index += 1) {
        await quick.link.expect('c0 00');
        quick.link.send(quick.packets.pingresp());
      }
      // Four times its interval have passed at least: the one of twice that long has asked too, the one of a minute has not.
      await third.link.expect('c0 00');
      third.link.send(third.packets.pingresp());
      expect(third.link.bytesReceived).toBeLessThan(quick.link.bytesReceived);
      await quiet.link.barrier(4);
    });

    engine.case('the last client of the process ends at once, a hundred times over [trap 3]', async () => {
      // A tenth of a second each, the least that Paho's own end takes, would not fit into the time this case has.
      for (let round = 0; round < 100; round += 1) {
        const { client, link } = await connected(engine, broker, 4);
        client.destroy();
        await link.readToEnd();
      }
    }, { timeout: 9_000 });
  });

  describe('calls at the wrong moment', () => {
    engine.case('verbs and properties work within the listener of every event [trap 2]', async () => {
      const { client, link, packets, connecting: done } = await connecting(engine, broker, 5);
      const within = <T>(event: 'connect' | 'message' | 'disconnect', call: () => Promise<T>): Promise<T> => (
        new Promise((resolve, reject) => {
          client.once(event, () => {
            expect([client.state, client.connected, client.engine?.name]).toContain(engine.name);
            call().then(resolve, reject);
          });
        })
      );
      const onConnect = within('connect', () => Promise.all([client.connect(), client.subscribe('a'), client.publish('t', 'x', { qos: 1 })]));
      link.send(packets.connack());
      link.send(packets.suback(packetIdentifier(await link.expectType(8))!, [0]));
      link.send(packets.puback(packetIdentifier(await link.expectType(3))!));
      await Promise.all([done, onConnect]);

      const onMessage = within('message', () => Promise.all([client.unsubscribe('a'), client.publish('t', 'x', { qos: 1 })]));
      link.send(packets.publish({ topic: 'a', payload: 'now' }));
      link.send(packets.unsuback(packetIdentifier(await link.expectType(10))!, [0]));
      link.send(packets.puback(packetIdentifier(await link.expectType(3))!));
      await onMessage;

      const onDisconnect = within('disconnect', () => client.connect());
      link.end();
      const second = await broker.accept();
      await second.handshake(5);
      expect((await onDisconnect).protocolVersion).toBe(5);

      const onLast = within('message', () => client.close());
      second.send(packets.publish({ topic: 'a', payload: 'the end' }));
      await second.expectType(14);
      await second.expectEnd();
      await onLast;
    });

    engine.case('close() while connecting ends the attempt, and an acceptance that comes too late connects nobody [trap 6]', async () => {
      const { client, link, packets, connecting: done } = await connecting(engine, broker, 5);
      const events: string[] = [];
      client.on('connect', () => events.push('connect'));
      const closing = client.close();
      link.send(packets.connack());
      expect(await codeOf(done)).toBe('ERR_MQTT_CLOSED');
      await closing;
      const last = await link.readToEnd();
      expect(last.filter((packet) => packet[0]! >> 4 !== 14)).toEqual([]);
      expect(events).toEqual([]);
      expect(client.state).toBe('closed');
    });

    engine.case('connect() of a connected client answers, with the same connection [trap 6]', async () => {
      const { client, link } = await connected(engine, broker, 5);
      const before = broker.accepted;
      const results = await Promise.all([client.connect(), client.connect()]);
      expect(results.map((result) => result.protocolVersion)).toEqual([5, 5]);
      expect(broker.accepted).toBe(before);
      await link.barrier(5);
    });
  });

  engine.case('a window of two does not wait for any timer: 1,000 messages, each released by an acknowledgement [trap 10]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5, {}, '21 0002');
    const all = Promise.all(Array.from({ length: 1000 }, () => client.publish('t', 'x', { qos: 1 })));
    for (let index = 0; index < 1000; index += 1) {
      link.send(packets.puback(packetIdentifier(await link.expectType(3))!));
    }
    await all;
    // At twelve a second, as with Paho's own threads, this would take more than a minute.
  }, { timeout: 20_000 });

  engine.case('a name that does not exist is one failed attempt, and the next server is tried once [trap 8]', async () => {
    const client = engine.client('mqtt://no-such-host.invalid', { servers: [broker.url], protocolVersion: 5 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const done = client.connect();
    done.catch(() => undefined);
    const link = await broker.accept();
    await link.handshake(5);
    await done;
    expect(client.stats.attempts).toBe(2);
    await link.barrier(5);
    expect(errors).toEqual([]);
  });

  engine.case('small packets do not wait for the acknowledgement of those before them: TCP_NODELAY is set [trap 16]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5);
    // Two small writes, then an answer: with Nagle's algorithm the second one waits 40 ms for a delayed ACK of the first, 8 s in all.
    for (let index = 0; index < 200; index += 1) {
      await client.publish('t', 'x');
      const publishing = client.publish('t', 'y', { qos: 1 });
      await link.expectType(3);
      link.send(packets.puback(packetIdentifier(await link.expectType(3))!));
      await publishing;
    }
  }, { timeout: 6_000 });

  if (engine.name === 'js') {
    // The native engine's own: test/native/core_resolve_test.c.
    engine.case('a name whose look-up never ends does not hold up another client [trap 4]', async () => {
      // The module's own object: an import of it cannot be changed.
      const module = createRequire(import.meta.url)('node:dns') as { lookup: unknown };
      const { lookup } = module;
      let asked = 0;
      module.lookup = (name: string, ...rest: unknown[]): void => {
        if (name === 'black.hole') {
          asked += 1;
        } else {
          (lookup as (...args: unknown[]) => void)(name, ...rest);
        }
      };
      try {
        const lost = engine.client('mqtt://black.hole', { connectTimeout: 200 });
        const failing = codeOf(lost.connect());
        const { client, link } = await connected(engine, broker, 5);
        await client.publish('t', 'x');
        await link.expectType(3);
        expect(await failing).toBe('ERR_MQTT_TIMEOUT');
        expect(asked).toBe(1);
      } finally {
        module.lookup = lookup;
      }
    });
  }

  engine.case('nothing is printed and no file is written, whatever the environment asks of Paho or mqtt.js [traps 26, 27]', async () => {
    const folder = makeTemporaryFolder('quiet');
    try {
      const env = { ...process.env, MQTT_C_CLIENT_TRACE: `${folder}/trace`, MQTT_C_CLIENT_TRACE_LEVEL: 'MAXIMUM', DEBUG: '' };
      const child = spawn(process.execPath, [CHILD, engine.name, broker.url], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.on('data', (data: Buffer) => { output += data.toString(); });
      child.stderr.on('data', (data: Buffer) => { output += data.toString(); });
      const ended = new Promise<number | null>((resolve) => { child.once('close', resolve); });
      const link = await broker.accept();
      await link.handshake(5);
      for (let index = 0; index < 2; index += 1) {
        const publish = await link.expectType(3);
        link.send([0x40, 0x50].map((first) => Buffer.from([first, 2, 0, packetIdentifier(publish)!]))[index]!);
      }
      await link.expectType(6);
      link.send('70 02 0002');
      await link.expectType(14);
      link.end();
      expect(await ended).toBe(0);
      expect(output).toBe('');
      expect(fs.readdirSync(folder)).toEqual([]);
    } finally {
      removeFolder(folder);
    }
  });
});
