/**
 * Streams of a broken server: packets as they should be, some with bytes changed, some cut short, all drawn from a seed. Whatever comes,
 * the process lives, each request ends once, and so does the connection.
 */
import * as net from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EngineFailure } from '../../dist/engine/engine.js';
import { packetsOf } from '../support/packets.js';
import type { Version } from '../support/packets.js';
import { Driver, turns } from './js-engine-driver.js';

/** A generator of numbers that is the same on every machine (the constants of POSIX rand). */
class Dice {
  constructor(private seed: number) {}

  below(limit: number): number {
    this.seed = (Math.imul(this.seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (this.seed >> 8) % limit;
  }
}

const STREAMS = 150;
let script: Buffer;
let server: net.Server;
beforeAll(async () => {
  server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(script));
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
});
afterAll(() => new Promise<void>((resolve) => { server.close(() => resolve()); }));

function streamOf(version: Version, dice: Dice): Buffer {
  const p = packetsOf(version);
  const valid = [
    p.publish({ topic: 'a', payload: 'abc' }), p.publish({ topic: 'a', payload: 'b', qos: 1, id: 1 }), p.publish({ topic: 'a', qos: 2, id: 2 }),
    p.pubrel(2), p.puback(1), p.pubrec(2), p.pubcomp(2), p.puback(1, 0x10, "1f 0001'x'"), p.suback(3, [1]), p.unsuback(4, [0]), p.pingresp(),
    p.disconnect(0x8b, ''), p.disconnect(), p.connack(),
  ];
  const parts = [p.connack()];
  for (let count = dice.below(12); count > 0; count -= 1) {
    const packet = Buffer.from(valid[dice.below(valid.length)]!);
    if (dice.below(3) === 0) {
      for (let changes = dice.below(3); changes >= 0; changes -= 1) {
        packet[dice.below(packet.length)] = dice.below(256);
      }
    }
    parts.push(dice.below(8) === 0 ? packet.subarray(0, dice.below(packet.length)) : packet);
  }
  return Buffer.concat(parts);
}

for (const version of [4, 5] as Version[]) {
  it(`${STREAMS} streams of ${version === 4 ? '3.1.1' : '5'}`, async () => {
    const dice = new Dice(version);
    const ends: EngineFailure[] = [];
    for (let round = 0; round < STREAMS; round += 1) {
      script = streamOf(version, dice);
      const driver = new Driver();
      /** Publishes that were not taken: the connection had ended already. */
      const refused: string[] = [];
      const publish = (payload: string, qos: number, slot: number): void => {
        if (!driver.publish('t', payload, qos, slot)) {
          refused.push(`slot ${slot}`);
        }
      };
      driver.onConnected = () => {
        publish('x', 1, 1);
        publish('x', 2, 2);
        driver.subscribe(3, ['a'], [1]);
        driver.unsubscribe(4, ['a']);
        publish('y', 0, 5);
      };
      const port = (server.address() as net.AddressInfo).port;
      driver.open({ port, protocolVersion: version });
      ends.push(await driver.disconnects.next());
      expect(driver.order.at(-1), script.toString('hex')).toBe('disconnected');
      // What was sent is the session's; a clean start ends it.
      driver.open({ port, protocolVersion: version, cleanStart: true });
      await turns(1);
      const ended = driver.order.filter((word) => word.startsWith('slot'));
      const back = driver.unsent.map(({ slot }) => `slot ${slot}`);
      const all = [...ended, ...refused, ...back].sort();
      expect(all, script.toString('hex')).toEqual(['slot 1', 'slot 2', 'slot 3', 'slot 4', 'slot 5']);
      const left = 3 - refused.length - back.length;
      expect([driver.faults, driver.openFailures.all, driver.creditMessages], script.toString('hex')).toEqual([[], [], left]);
      driver.destroy();
    }
    const codes = new Set(ends.map(({ code }) => code));
    expect([...codes].sort()).toEqual([
      'ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_PROTOCOL', ...(version === 5 ? ['ERR_MQTT_SERVER_DISCONNECT'] : []),
    ]);
  });
}
