/**
 * Payloads up to hundreds of megabytes go out and come back byte for byte, plain and with TLS. One broker echoes them to the client that
 * sent them.
 */
import * as crypto from 'node:crypto';
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { ClientOptions } from 'mqtt-native';

const servers = startServers({ tls: true });

const sha1 = (data: Uint8Array): string => crypto.createHash('sha1').update(data).digest('hex');

/** Bytes in which a lost, doubled or moved block of any size changes the sum. */
function pattern(size: number): Buffer {
  const block = Buffer.alloc(1_000_003);
  for (let index = 0; index < block.length; index += 1) {
    block[index] = (index * 31 + (index >> 8) * 17) & 0xff;
  }
  return Buffer.alloc(size, block);
}

async function echo(
  engine: EngineUnderTest, url: string, options: Partial<ClientOptions>, size: number, qos: 0 | 1 | 2, milliseconds = 60_000,
): Promise<void> {
  const topic = freshTopic(engine);
  const client = await engine.connected(url, { operationTimeout: milliseconds, ...options });
  const messages = messagesOf(client);
  await client.subscribe(topic, { qos });
  const payload = pattern(size);
  const expected = sha1(payload);
  await client.publish(topic, payload, { qos });
  const [message] = await messages.take(1, milliseconds);
  expect(message!.payload.length).toBe(size);
  expect(sha1(message!.payload)).toBe(expected);
  client.destroy();
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    for (const [name, size, qos] of [['127 bytes', 127, 1], ['16,384 bytes', 16_384, 2], ['1 MB', 1_000_000, 0], ['1 MB', 1_000_000, 2], ['20 MB', 20_000_000, 1]] as const) {
      engine.case(`${name}, QoS ${qos}`, () => echo(engine, server.url, { protocolVersion: server.version }, size, qos), { timeout: 120_000 });
    }
  });

  engine.case('20 MB with TLS, QoS 1', async () => {
    await echo(engine, servers.mosquitto.tlsUrl, { tls: { ca: servers.mosquitto.certificates!.authority.cert } }, 20_000_000, 1);
  }, { timeout: 120_000 });

  engine.case('220 MB, QoS 1', () => echo(engine, servers.mosquitto.url, {}, 220_000_000, 1, 120_000), { timeout: 240_000 });

  describe('many at once', () => {
    engine.case('100 messages of 1 MB, QoS 1, in order', async () => {
      const topic = freshTopic(engine);
      // 100 MB are more than the queue takes unless told otherwise.
      const client = await engine.connected(servers.mosquitto.url, { operationTimeout: 60_000, queue: { overflow: 'wait' } });
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      const all = Promise.all(Array.from({ length: 100 }, (_, index) => client.publish(topic, Buffer.alloc(1_000_000, index), { qos: 1 })));
      const got = (await messages.take(100)).map((message) => [message.payload.length, message.payload[0], message.payload.at(-1)]);
      expect(got).toEqual(Array.from({ length: 100 }, (_, index) => [1_000_000, index, index]));
      await all;
    }, { timeout: 120_000 });
  });
});
