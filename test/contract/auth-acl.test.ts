/**
 * User names and passwords in every form a broker takes, and what its access list denies. Mosquitto's users and rights are in
 * test/support/mosquitto.ts.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { USERS } from '../support/mosquitto.js';
import { failureOf, refusalOf } from '../support/outcomes.js';
import { freshTopic, startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto({ users: true });

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('user name and password as text', async () => {
        const client = await engine.connected(mosquitto.broker.usersUrl, { protocolVersion: version, username: 'admin', password: USERS.admin });
        await client.publish('t', 'x', { qos: 1 });
      });

      engine.case('a password of bytes that are no text', async () => {
        const client = await engine.connected(mosquitto.broker.usersUrl, { protocolVersion: version, username: 'bytes', password: USERS.bytes });
        await client.publish('t', 'x', { qos: 1 });
      });

      engine.case('user name and password in the URL, percent-encoded', async () => {
        const url = mosquitto.broker.usersUrl.replace('mqtt://', `mqtt://admin:${encodeURIComponent(USERS.admin)}@`);
        const client = await engine.connected(url, { protocolVersion: version });
        await client.publish('t', 'x', { qos: 1 });
      });

      engine.case('what the options say goes before what the URL says', async () => {
        const url = mosquitto.broker.usersUrl.replace('mqtt://', 'mqtt://nobody:wrong@');
        const client = await engine.connected(url, { protocolVersion: version, username: 'admin', password: USERS.admin });
        await client.publish('t', 'x', { qos: 1 });
      });

      engine.case('a guest may publish and read where the access list allows it', async () => {
        const topic = `open/${freshTopic(engine)}`;
        const client = await engine.connected(mosquitto.broker.usersUrl, { protocolVersion: version, username: 'guest', password: USERS.guest });
        const messages = messagesOf(client);
        await client.subscribe(topic, { qos: 1 });
        await client.publish(topic, 'allowed', { qos: 1 });
        expect((await messages.next()).text()).toBe('allowed');
      });
    });
  }

  for (const qos of [1, 2] as const) {
    engine.case(`5: a publish of QoS ${qos} that the access list denies is rejected with reason 0x87, and the connection lives`, async () => {
      const client = await engine.connected(mosquitto.broker.usersUrl, { protocolVersion: 5, username: 'guest', password: USERS.guest });
      expect(await failureOf(client.publish('closed/t', 'x', { qos }))).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reasonCode: 0x87 });
      await client.publish(`open/${freshTopic(engine)}`, 'x', { qos });
    });

    engine.case(`3.1.1: a publish of QoS ${qos} that the access list denies looks like a success, because 3.1.1 has no word for it`, async () => {
      const topic = freshTopic(engine);
      const admin = await engine.connected(mosquitto.broker.usersUrl, { username: 'admin', password: USERS.admin });
      const messages = messagesOf(admin);
      await admin.subscribe([`closed/${topic}`, `open/${topic}`], { qos: 1 });
      const client = await engine.connected(mosquitto.broker.usersUrl, { protocolVersion: 4, username: 'guest', password: USERS.guest });
      expect((await client.publish(`closed/${topic}`, 'denied', { qos })).reasonCode).toBe(0);
      await client.publish(`open/${topic}`, 'allowed', { qos });
      expect((await messages.next()).text()).toBe('allowed');
    });
  }

  engine.case('3.1.1: a password without a user name is refused by name [MQTT-3.1.2-22]', async () => {
    const error = await refusalOf(() => engine.client(mosquitto.broker.usersUrl, { protocolVersion: 4, password: 'x' }).connect());
    expect(error.code).toBe('ERR_MQTT_OPTION');
    expect(error.message).toContain('password');
  });
});
