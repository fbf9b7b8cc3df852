/**
 * Every property of MQTT 5 that a broker passes on arrives as it was sent. Mosquitto is the broker; what it changes (the expiry it counts
 * down) is asserted too.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { hexOf } from '../support/packets.js';
import { codeOf } from '../support/outcomes.js';
import { freshTopic, startServers } from '../support/servers.js';

// Mosquitto's own limits are made visible by setting them.
const servers = startServers({ extra: ['max_keepalive 30', 'max_inflight_messages 7', 'max_packet_size 2000000'] });

async function roundTrip(engine: EngineUnderTest, properties: Record<string, unknown>, qos: 0 | 1 | 2 = 1) {
  const topic = freshTopic(engine);
  const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
  const messages = messagesOf(client);
  await client.subscribe(topic, { qos });
  await client.publish(topic, 'x', { qos, properties });
  return (await messages.next()).properties;
}

forEachEngine((engine) => {
  for (const qos of [0, 1, 2] as const) {
    engine.case(`all properties of a message at once, QoS ${qos}`, async () => {
      const properties = await roundTrip(engine, {
        payloadFormatIndicator: 1, messageExpiryInterval: 1000, contentType: 'application/json', responseTopic: 'answers/1',
        correlationData: Buffer.from([0, 1, 2, 255]), userProperties: [['b', '2'], ['a', '1'], ['b', '2'], ['', '']],
      }, qos);
      expect(properties).toMatchObject({
        payloadFormatIndicator: 1, contentType: 'application/json', responseTopic: 'answers/1', userProperties: [['b', '2'], ['a', '1'], ['b', '2'], ['', '']],
      });
      expect(hexOf(properties?.correlationData)).toBe('000102ff');
      expect(properties?.messageExpiryInterval).toBeLessThanOrEqual(1000);
      expect(properties?.messageExpiryInterval).toBeGreaterThan(990);
    });
  }

  engine.case('a message without properties has none', async () => {
    const properties = await roundTrip(engine, {});
    expect(Object.keys(properties ?? {}).filter((name) => (properties as Record<string, unknown>)[name] !== undefined)).toEqual([]);
  });

  engine.case('payload format indicator 0 stays 0 or is left out', async () => {
    expect((await roundTrip(engine, { payloadFormatIndicator: 0 }))?.payloadFormatIndicator ?? 0).toBe(0);
  });

  engine.case('text properties with every script', async () => {
    const properties = await roundTrip(engine, { contentType: 'ä😀', responseTopic: '温度/ä', userProperties: [['ключ', '値'], ['\uFEFF', ' ']] });
    expect(properties).toMatchObject({ contentType: 'ä😀', responseTopic: '温度/ä', userProperties: [['ключ', '値'], ['\uFEFF', ' ']] });
  });

  engine.case('long ones: correlation data of 65,535 bytes, a user property of 65,535 and 65,535', async () => {
    const data = Buffer.alloc(65_535, 7);
    const properties = await roundTrip(engine, { correlationData: data, userProperties: [['n'.repeat(65_535), 'v'.repeat(65_535)]] });
    expect(Buffer.compare(properties?.correlationData ?? Buffer.alloc(0), data)).toBe(0);
    expect(properties?.userProperties?.[0]?.map((text) => text.length)).toEqual([65_535, 65_535]);
  });

  engine.case('empty ones: correlation data of no bytes', async () => {
    const properties = await roundTrip(engine, { correlationData: new Uint8Array(0), contentType: '' });
    expect(properties?.correlationData?.length).toBe(0);
    expect(properties?.contentType).toBe('');
  });

  engine.case('a retained message keeps its properties', async () => {
    const topic = freshTopic(engine);
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    await client.publish(topic, 'x', { qos: 1, retain: true, properties: { contentType: 'kept', userProperties: [['k', 'v']] } });
    const messages = messagesOf(client);
    await client.subscribe(topic, { qos: 1 });
    expect((await messages.next()).properties).toMatchObject({ contentType: 'kept', userProperties: [['k', 'v']] });
    await client.publish(topic, '', { qos: 1, retain: true });
  });

  engine.case('a message that expired is not delivered, one that waited has less time left [MQTT-3.3.2-5] [MQTT-3.3.2-6]', async () => {
    const topic = freshTopic(engine);
    const options = { protocolVersion: 5, clientId: `expiry-${engine.name}`, sessionExpiryInterval: 100 } as const;
    const away = await engine.connected(servers.mosquitto.url, options);
    await away.subscribe(topic, { qos: 1 });
    await away.close();
    const publisher = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    await publisher.publish(topic, 'short', { qos: 1, properties: { messageExpiryInterval: 1 } });
    await publisher.publish(topic, 'long', { qos: 1, properties: { messageExpiryInterval: 1000 } });
    // The broker counts whole seconds: no event tells that one has passed there.
    await new Promise((resolve) => { setTimeout(resolve, 2500); });
    const back = engine.client(servers.mosquitto.url, { ...options, cleanStart: false });
    const messages = messagesOf(back);
    await back.connect();
    const message = await messages.next();
    expect(message.text()).toBe('long');
    expect(message.properties?.messageExpiryInterval).toBeLessThan(1000);
    expect(message.properties?.messageExpiryInterval).toBeGreaterThan(900);
  });

  engine.case('properties of a publish are refused in 3.1.1, which has none', async () => {
    // 3.1.1 has no Server Keep Alive: newer Mosquittos refuse a client that wants more than their max_keepalive.
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 4, keepAlive: 30 });
    expect(await codeOf((async () => client.publish('t', 'x', { properties: { contentType: 'x' } }))())).toMatch(/^ERR_MQTT_(NOT_SUPPORTED|OPTION)$/);
  });

  engine.case('wrong properties are refused by name and nothing is sent', async () => {
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    const wrong: Record<string, unknown>[] = [
      { payloadFormatIndicator: 2 }, { messageExpiryInterval: -1 }, { messageExpiryInterval: 2 ** 32 }, { messageExpiryInterval: 1.5 },
      { contentType: 5 },
      { responseTopic: 'a/+' }, { correlationData: 'x'.repeat(65_536) }, { userProperties: [['only one']] }, { userProperties: [['a', '\uD800']] },
      { contentType: 'x'.repeat(65_536) }, { subscriptionIdentifiers: [1] }, { topicAlias: 0 }, { noSuchProperty: 1 },
    ];
    for (const properties of wrong) {
      const name = Object.keys(properties)[0]!;
      let message = 'it was taken';
      try {
        await client.publish('t', 'x', { qos: 1, properties });
      } catch (error) {
        message = (error as Error).message;
        expect((error as { code: string }).code, name).toMatch(/^ERR_MQTT_(OPTION|TOPIC)$/);
      }
      expect(message).toContain(name);
    }
    await client.publish('t', 'still connected', { qos: 1 });
  });

  engine.case('the limits of the server are shown by connect()', async () => {
    const client = engine.client(servers.mosquitto.url, { protocolVersion: 5, keepAlive: 600 });
    const result = await client.connect();
    expect(result.limits).toMatchObject({ serverKeepAlive: 30, receiveMaximum: 7, maximumPacketSize: 2_000_000, topicAliasMaximum: 10 });
  });

  engine.case('a publish above the server\'s Maximum Packet Size is refused locally [MQTT-3.2.2-15]', async () => {
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    expect(await codeOf(client.publish('t', Buffer.alloc(2_000_001), { qos: 1 }))).toBe('ERR_MQTT_PACKET_TOO_LARGE');
    await client.publish('t', Buffer.alloc(1_999_000), { qos: 1 });
  });

  engine.case('user properties of CONNECT, SUBSCRIBE and UNSUBSCRIBE do not disturb a broker', async () => {
    const userProperties: [string, string][] = [['k', 'v'], ['k', 'v']];
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5, userProperties });
    await client.subscribe('a', { qos: 1, properties: { userProperties } });
    await client.unsubscribe('a');
  });
});
