/**
 * The js engine without lib, against a broker that is a script: the limits either side sets, what the application does not take, and what
 * must not be seen in a log.
 */
import { spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { field, packet, packetIdentifier, packetsOf, uint16 } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { Driver, HEX, OPTIONS, turns } from './js-engine-driver.js';

let broker: ScriptedBroker;
let driver: Driver;
beforeEach(async () => {
  broker = await ScriptedBroker.start();
  driver = new Driver();
});
afterEach(async () => {
  driver.destroy();
  await broker.stop();
  expect(driver.faults).toEqual([]);
});

describe('limits of version 5', () => {
  const packets = packetsOf(5);

  it('password without user name, and no client id with Clean Start 0, are allowed', async () => {
    driver.open({ port: broker.port, cleanStart: false, clientId: '', password: Buffer.from('secret') });
    const link = await broker.accept();
    const password = Buffer.from('secret').toString('hex');
    expect(readConnect(await link.expectType(1))).toMatchObject({ flags: 0x40, clientId: '', password });
  });

  it('properties of a publish go out as given: order and repetition of user properties too', async () => {
    const link = await driver.connect(broker, 5);
    const properties = "26 0001'b' 0001'1' 26 0001'a' 0001'2' 26 0001'b' 0000 01 01 26 0009'__proto__' 0001'3' 23 0001";
    driver.publish('t', 'x', 1, 1, properties);
    const publish = await link.expectType(3);
    expect(publish.toString('hex')).toBe(packet(0x32, field('t'), uint16(1), '28', properties, "'x'").toString('hex'));
    link.send(packets.puback(1, 0x10, "1f 0002'no'"));
    const done = await driver.published.next();
    expect([done.slot, done.reasonCode, HEX(done.properties)]).toEqual([1, 0x10, '1f00026e6f']);
  });

  it('Receive Maximum 2: the third waits; PUBREC with an error frees a place, PUBREC without one does not', async () => {
    const link = await driver.connect(broker, 5, {}, '21 0002');
    for (let slot = 1; slot <= 5; slot += 1) {
      expect(driver.publish('t', '', 2, slot)).toBe(true);
    }
    const ids = [packetIdentifier(await link.expectType(3))!, packetIdentifier(await link.expectType(3))!];
    await link.barrier(5);
    link.send(packets.pubrec(ids[0]!));
    await link.expect(packets.pubrel(ids[0]!));
    await link.barrier(5);
    link.send(packets.pubrec(ids[1]!, 0x97, "1f 0004'full'"));
    await link.expectType(3);
    await link.barrier(5);
    const refused = await driver.published.next();
    expect([refused.slot, refused.reasonCode, HEX(refused.properties)]).toEqual([2, 0x97, '1f000466756c6c']);
    link.send(packets.pubcomp(ids[0]!));
    await link.expectType(3);
    await link.barrier(5);
    expect((await driver.published.next()).slot).toBe(1);
  });

  it('the window of the options counts where it is smaller', async () => {
    const link = await driver.connect(broker, 5, { window: 1 }, '21 0002');
    driver.publish('t', '', 1);
    driver.publish('t', '', 1);
    await link.expectType(3);
    await link.barrier(5);
  });

  it('a bounded look-ahead: publish() says false, and onRoom() says when it will say true', async () => {
    const link = await driver.connect(broker, 5, { window: 1 });
    let taken = 0;
    while (driver.publish('t', '', 1)) {
      taken += 1;
    }
    expect(taken).toBe(1 + 1024);
    expect(driver.rooms.all.length).toBe(0);
    expect(packetIdentifier(await link.expectType(3))).toBe(1);
    link.send(packets.puback(1));
    await driver.rooms.next();
    expect(driver.publish('t', '', 1)).toBe(true);
    await turns();
    expect(driver.creditMessages).toBe(1);
  });

  it('a look-ahead of 1 MiB, exceeded by one message and not by two', async () => {
    await driver.connect(broker, 5, { window: 1 });
    driver.publish('t', '', 1);
    expect(driver.publish('t', Buffer.alloc(5_000_000), 1)).toBe(true);
    expect(driver.publish('t', '', 0)).toBe(false);
  });

  it('a server that does not read: QoS 0 is refused at some point and goes on when it reads', async () => {
    const link = await driver.connect(broker, 5);
    link.pause();
    const payload = Buffer.alloc(10_000);
    let taken = 0;
    while (driver.publish('t', payload, 0)) {
      taken += 1;
      if (taken % 100 === 0) {
        await turns(1);
      }
      if (taken > 20_000) {
        throw new Error('200 MB were taken');
      }
    }
    await turns();
    const room = driver.rooms.all.length;
    link.resume();
    while (driver.rooms.all.length === room) {
      await link.expectType(3);
    }
    expect(driver.publish('end', '', 0)).toBe(true);
    while ((await link.expectType(3)).subarray(4, 7).toString() !== 'end');
    await turns();
    expect(driver.creditMessages).toBe(taken + 1);
    expect(driver.creditBytes).toBe(taken * 10_001 + 3);
    link.seen.length = 0;
  });

  it('20 MB and a small one behind it, to a server that reads slowly', async () => {
    const link = await driver.connect(broker, 5);
    const payload = Buffer.alloc(20_000_000, 'p');
    driver.publish('large', payload, 1, 1);
    driver.publish('small', 'x', 1, 2);
    const large = await link.expectType(3);
    expect(large.subarray(-payload.length).equals(payload)).toBe(true);
    expect((await link.expectType(3)).subarray(4, 9).toString()).toBe('small');
    link.seen.length = 0;
  });

  it('the server\'s Maximum Packet Size: what is larger fails here, and nothing is sent [MQTT-3.2.2-15]', async () => {
    const link = await driver.connect(broker, 5, {}, '27 0000001e');
    driver.publish('topic', 'x'.repeat(20), 0, 1);
    driver.publish('topic', 'x'.repeat(21), 0, 2);
    driver.publish('topic', 'x'.repeat(18), 1, 3);
    driver.publish('topic', 'x'.repeat(19), 1, 4);
    driver.subscribe(5, ['x'.repeat(22)]);
    driver.subscribe(6, ['x'.repeat(23)]);
    driver.unsubscribe(7, ['x'.repeat(24)]);
    expect((await driver.failures.take(4)).map(({ slot, failure }) => [slot, failure.code])).toEqual(
      [2, 4, 6, 7].map((slot) => [slot, 'ERR_MQTT_PACKET_TOO_LARGE']));
    const sent = [await link.expectType(3), await link.expectType(3), await link.expectType(8)];
    expect(sent.map(({ length }) => length)).toEqual([30, 30, 30]);
    await link.barrier(5);
  });

  it('a packet above our own limit is refused at its header, with 0x95', async () => {
    const link = await driver.connect(broker, 5, { maximumPacketSize: 1000 });
    link.send('30 e9 07');
    expect((await driver.disconnects.next())).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: 0x95 });
    await link.expect('e0 01 95');
    await link.expectEnd();
  });

  it('PUBACK and PUBREC with an error: the exchange is over, the identifier is free [MQTT-4.3.3-12]', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5, { receiveMaximum: 1 });
    for (let round = 0; round < 3; round += 1) {
      link.send(packets.publish({ topic: 'q', qos: 2, id: 6 }));
      await driver.messages.next();
      driver.ack(1, 0x87);
      await link.expect('50 03 0006 87');
    }
    link.send(packets.publish({ topic: 'q', qos: 1, id: 6 }));
    await driver.messages.next();
    driver.ack(1, 0x10);
    await link.expect('40 03 0006 10');
  });

  it('incoming topic aliases stand for their topic', async () => {
    const link = await driver.connect(broker, 5);
    link.send(
      packets.publish({ topic: 'first', properties: '23 0001' }),
      packets.publish({ topic: '', properties: "26 0001'k' 0001'v' 23 0001", qos: 1, id: 1 }),
      packets.publish({ topic: 'second', properties: '23 0001' }),
      packets.publish({ topic: '', properties: '23 0001', qos: 2, id: 2 }),
      packets.publish({ topic: 'third' }),
    );
    expect((await driver.messages.take(5)).map(({ topic }) => topic)).toEqual(['first', 'first', 'second', 'second', 'third']);
    expect(driver.messages.all[1]!.properties.toString('hex')).toBe('2600016b000176230001');
    link.send(packets.publish({ topic: '', properties: '23 0002' }));
    expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_PROTOCOL');
  });

  it('DISCONNECT of the server: its reason and properties', async () => {
    const link = await driver.connect(broker, 5);
    link.send(packets.disconnect(0x8b, "1f 0003'now'"));
    const failure = await driver.disconnects.next();
    expect(failure).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
    expect(HEX(failure.properties)).toBe('1f00036e6f77');
    await link.expectEnd();
  });

  it('close() with a reason code and properties', async () => {
    const link = await driver.connect(broker, 5);
    driver.close(0x04, Buffer.from('1100000000', 'hex'));
    await link.expect('e0 07 04 05 11 00000000');
    await link.expectEnd();
  });

  it('Server Keep Alive counts where the client asked for none [MQTT-3.1.2-21]', async () => {
    const link = await driver.connect(broker, 5, { keepAlive: 0 }, '13 0001');
    await link.expect('c0 00');
  });
});

describe('an application that takes no messages', () => {
  const packets = packetsOf(5);
  const payload = Buffer.alloc(10_000);

  it('reading stops at 2 MiB, the connection is kept alive meanwhile, and all goes on when half is taken', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5, { keepAlive: 1 });
    const COUNT = 4000;
    link.send(...Array.from({ length: COUNT }, () => packets.publish({ topic: 't', payload })));
    const limit = Math.floor(2 * 1024 * 1024 / payload.length);
    await driver.messages.take(limit);
    // The script answers no PINGREQ: without allowance for the pause the connection would end after 2.5 s.
    await link.expect('c0 00', 'c0 00', 'c0 00', 'c0 00');
    const held = driver.messages.all.length;
    expect(held * payload.length).toBeLessThan(17 * 1024 * 1024);
    expect(driver.disconnects.all).toEqual([]);
    const quarter = Math.floor(held / 4);
    driver.taken(quarter, quarter * payload.length);
    await turns(20);
    expect(driver.messages.all.length).toBe(held);
    driver.automatic = true;
    driver.taken(held - quarter, (held - quarter) * payload.length);
    link.send(packets.pingresp());
    await driver.messages.take(COUNT - limit);
    expect(driver.messages.all.length).toBe(COUNT);
  });

  it('reading stops at 16,384 messages', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5);
    const one = packets.publish({ topic: 'topic', payload: Buffer.alloc(50) });
    const COUNT = 60_000;
    link.send(Buffer.concat(Array.from({ length: COUNT }, () => one)));
    await driver.messages.take(16_384);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    const held = driver.messages.all.length;
    // What the last read brought comes on top.
    expect(held).toBeLessThan(16_384 + 1000);
    driver.automatic = true;
    driver.taken(held, held * 50);
    await driver.messages.take(COUNT - 16_384);
  });

  it('what is still held of one connection counts on the next', async () => {
    driver.automatic = false;
    const first = await driver.connect(broker, 5);
    const one = packets.publish({ topic: 't' });
    first.send(Buffer.concat(Array.from({ length: 16_384 }, () => one)));
    await driver.messages.take(16_384);
    const held = driver.messages.all.length;
    first.cut();
    driver.taken(1, 0);
    driver.close();
    await driver.disconnects.next();
    const second = await driver.connect(broker, 5);
    second.send(packets.publish({ topic: 'second' }));
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    expect(driver.messages.all.length).toBe(held);
    driver.taken(held - 1, 0);
    expect((await driver.messages.next()).topic).toBe('second');
  });
});

/** Runs a script with the engine's class, a server and `OPTIONS` in a process of its own. */
function runChild(script: string, env: Record<string, string> = {}): SpawnSyncReturns<string> {
  const engine = fileURLToPath(new URL('../../dist/engine/js/js-engine.js', import.meta.url));
  const start = `
    const net = require('node:net');
    const { JsEngine } = require(${JSON.stringify(engine)});
    const OPTIONS = ${JSON.stringify(OPTIONS)};
    /** A sink that does nothing but what is given. */
    const sinkOf = (listeners) => new Proxy(listeners, { get: (target, name) => target[name] ?? (() => 0) });
  `;
  return spawnSync(process.execPath, ['-e', start + script], {
    env: { ...process.env, ...env }, cwd: path.dirname(engine), encoding: 'utf8', timeout: 15_000,
  });
}

it('what the sink throws is an uncaught exception, and everything else is still reported', () => {
  const run = runChild(`
    const heard = [];
    process.on('uncaughtException', (error) => heard.push(error.message));
    const server = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from('2003000000', 'hex'));
        // Two acknowledgements, two messages, one more acknowledgement, all in one read.
        socket.once('data', () => socket.write(Buffer.from('4002000140020002' + '300400017400' + '300400017500' + '40020003', 'hex')));
      });
    });
    const engine = new JsEngine(sinkOf({
      createMessage: (topic) => topic,
      onConnected: () => { for (const slot of [1, 2, 3]) engine.publish('t', 'x', 1, undefined, slot); },
      onPublished: (slot) => { heard.push('slot ' + slot); if (slot !== 2) throw new Error('thrown for ' + slot); },
      onMessages: (batch) => { heard.push(batch.join()); throw new Error('thrown for messages'); },
      onCredit: (messages) => { heard.push('credit ' + messages); engine.close(0); },
      onDisconnected: (failure) => { heard.push(failure.code); server.close(); console.log(JSON.stringify(heard)); },
    }), 'test');
    server.listen(0, '127.0.0.1', () => engine.open({ ...OPTIONS, port: server.address().port }));
  `);
  expect(run.stderr).toBe('');
  const heard = JSON.parse(run.stdout) as string[];
  expect([...heard].sort()).toEqual([
    'ERR_MQTT_CLOSED', 'credit 3', 'slot 1', 'slot 2', 'slot 3', 't,u', 'thrown for 1', 'thrown for 3', 'thrown for messages',
  ].sort());
  expect(heard.at(-1)).toBe('ERR_MQTT_CLOSED');
});

describe('secrets', () => {
  it('with all debug output of mqtt.js on, neither password, will nor payload is printed', async () => {
    const run = runChild(`
      const server = net.createServer((socket) => {
        socket.once('data', () => {
          socket.write(Buffer.from('2003000000', 'hex'));
          socket.once('data', () => socket.write(Buffer.from('40020001', 'hex')));
        });
      });
      const engine = new JsEngine(sinkOf({
        onConnected: () => engine.publish('t', Buffer.from('the-payload'), 1, undefined, 1),
        onPublished: () => { console.log('published'); engine.destroy(); server.close(); },
      }), 'test');
      server.listen(0, '127.0.0.1', () => engine.open({
        ...OPTIONS, port: server.address().port, username: 'the-user', password: Buffer.from('the-password'),
        will: { topic: 'w', payload: Buffer.from('the-will'), qos: 0, retain: false },
      }));
    `, { DEBUG: '*', DEBUG_DEPTH: '10' });
    expect(run.stdout).toContain('published');
    // mqtt-packet has its own debug output: that it is there shows that the variable works.
    expect(run.stderr).toContain('mqtt-packet');
    expect(run.stderr).not.toMatch(/the-(user|password|will|payload)/);
    for (const secret of ['the-password', 'the-will', 'the-payload']) {
      expect(run.stderr).not.toContain(Buffer.from(secret).toString('hex').replace(/(..)/g, '$1 ').trim());
    }
    expect(run.status).toBe(0);
  });
});
