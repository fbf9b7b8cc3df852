/**
 * CONNECT goes out with every flag and field where the standard puts it, and nothing else goes out before its answer. The broker is a
 * script that compares bytes; properties have no order, so they are compared one by one.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf } from '../support/outcomes.js';
import { bytes } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  describe('3.1.1', () => {
    engine.case('CONNECT with a client identifier only, letter by letter [MQTT-3.1.2-1, -2, -3]', async () => {
      const { connect } = await connected(engine, broker, 4, { clientId: 'client-1' });
      expect(connect.toString('hex')).toBe(bytes("10 14 0004'MQTT' 04 02 003c 0008'client-1'").toString('hex'));
    });

    engine.case('CONNECT with everything: will QoS 2 retained, user name and password, no clean session [MQTT-3.1.3-1]', async () => {
      const { connect } = await connected(engine, broker, 4, {
        clientId: 'c', cleanStart: false, keepAlive: 300, username: 'me', password: 'pw', will: { topic: 'w/t', payload: 'gone', qos: 2, retain: true },
      });
      expect(connect.toString('hex')).toBe(bytes("10 20 0004'MQTT' 04 f4 012c 0001'c' 0003'w/t' 0004'gone' 0002'me' 0002'pw'").toString('hex'));
    });

    for (const qos of [0, 1, 2] as const) {
      for (const retain of [false, true]) {
        engine.case(`will flags for QoS ${qos}${retain ? ' retained' : ''} [MQTT-3.1.2-9, -11, -13]`, async () => {
          const { connect } = await connected(engine, broker, 4, { will: { topic: 'w', payload: Buffer.from([0, 255]), qos, retain } });
          const flags = (0x02 | 0x04 | (qos << 3) | (retain ? 0x20 : 0)).toString(16).padStart(2, '0');
          expect(connect.toString('hex')).toBe(bytes(`10 14 0004'MQTT' 04 ${flags} 003c 0001'c' 0001'w' 0002 00ff`).toString('hex'));
        });
      }
    }

    engine.case('a will with an empty payload is a will [MQTT-3.1.2-9]', async () => {
      const { connect } = await connected(engine, broker, 4, { will: { topic: 'w', payload: '', qos: 0, retain: false } });
      expect(connect.toString('hex')).toBe(bytes("10 12 0004'MQTT' 04 06 003c 0001'c' 0001'w' 0000").toString('hex'));
    });

    engine.case('a user name without password sets one flag only [MQTT-3.1.2-16..19]', async () => {
      const { connect } = await connected(engine, broker, 4, { username: 'me' });
      expect(connect.toString('hex')).toBe(bytes("10 11 0004'MQTT' 04 82 003c 0001'c' 0002'me'").toString('hex'));
    });

    engine.case('a password of bytes that are no UTF-8 goes out as it is', async () => {
      const { connect } = await connected(engine, broker, 4, { username: 'me', password: Buffer.from([0xff, 0x00, 0xc3, 0x28]) });
      expect(connect.toString('hex')).toBe(bytes("10 17 0004'MQTT' 04 c2 003c 0001'c' 0002'me' 0004 ff00c328").toString('hex'));
    });

    engine.case('an empty password is a password', async () => {
      const { connect } = await connected(engine, broker, 4, { username: 'me', password: '' });
      expect(connect.toString('hex')).toBe(bytes("10 13 0004'MQTT' 04 c2 003c 0001'c' 0002'me' 0000").toString('hex'));
    });

    engine.case('keep alive 0 and 65,535', async () => {
      const none = await connected(engine, broker, 4, { keepAlive: 0 });
      expect(readConnect(none.connect).keepAlive).toBe(0);
      const most = await connected(engine, broker, 4, { keepAlive: 65_535 });
      expect(readConnect(most.connect).keepAlive).toBe(65_535);
    });
  });

  describe('5', () => {
    engine.case('CONNECT has the flags of 3.1.1, level 5 and properties [MQTT-3.1.2-1, -2, -3]', async () => {
      const { connect } = await connected(engine, broker, 5, { clientId: 'client-1', cleanStart: true });
      const fields = readConnect(connect);
      expect(fields).toMatchObject({ level: 5, flags: 0x02, keepAlive: 60, clientId: 'client-1' });
      // Receive Maximum 1000 and Topic Alias Maximum 16 are the defaults of the options; whatever equals a default of the standard need
      // not be there.
      expect(fields.properties).toEqual(['21: 03e8', '22: 0010']);
    });

    engine.case('every property of CONNECT goes out with its value', async () => {
      const { connect } = await connected(engine, broker, 5, {
        sessionExpiryInterval: 4_000_000_000, receiveMaximum: 20, maximumPacketSize: 100_000, topicAliasMaximum: 5,
        requestResponseInformation: true, requestProblemInformation: false, userProperties: [['b', '2'], ['a', '1'], ['b', '2']],
      });
      expect(readConnect(connect).properties).toEqual([
        '11: ee6b2800', '17: 00', '19: 01', '21: 0014', '22: 0005', '26: 000162000132', '26: 000161000131', '26: 000162000132', '27: 000186a0',
      ]);
    });

    engine.case('a will carries all its properties [MQTT-3.1.3-1]', async () => {
      const { connect } = await connected(engine, broker, 5, {
        username: 'me', password: 'pw',
        will: {
          topic: 'w/t', payload: 'gone', qos: 1, retain: true, delay: 10,
          properties: {
            payloadFormatIndicator: 1, messageExpiryInterval: 60, contentType: 'text/plain', responseTopic: 'r', correlationData: Buffer.from([1, 0, 2]),
            userProperties: [['k', 'v']],
          },
        },
      });
      expect(readConnect(connect)).toMatchObject({
        level: 5, flags: 0xee, clientId: 'c', willTopic: 'w/t', willPayload: Buffer.from('gone').toString('hex'), username: 'me', password: '7077',
        willProperties: ['01: 01', '02: 0000003c', '03: 000a746578742f706c61696e', '08: 000172', '09: 0003010002', '18: 0000000a', '26: 00016b000176'],
      });
    });

    engine.case('a will without properties has the property length 0 [MQTT-2.2.2-1]', async () => {
      const { connect } = await connected(engine, broker, 5, { will: { topic: 'w', payload: 'x', qos: 0, retain: false } });
      expect(connect.subarray(-7).toString('hex')).toBe(bytes("00 0001'w' 0001'x'").toString('hex'));
      expect(readConnect(connect)).toMatchObject({ flags: 0x06, willProperties: [] });
    });

    engine.case('a password without user name is allowed in version 5', async () => {
      const { connect } = await connected(engine, broker, 5, { password: 'pw' });
      expect(readConnect(connect)).toMatchObject({ flags: 0x42, password: '7077' });
    });

    engine.case('clean start 0 clears its flag and nothing else', async () => {
      const { connect } = await connected(engine, broker, 5, { cleanStart: false });
      expect(readConnect(connect).flags).toBe(0);
    });
  });

  engine.case('nothing follows CONNECT before its answer [MQTT-3.1.0-1]', async () => {
    const { client, link, packets, connecting: done } = await connecting(engine, broker, 5);
    const early = codeOf(client.publish('t', 'early'));
    // Whether it is refused or kept for later is not this case's matter: it must not be on the wire before CONNACK.
    early.catch(() => undefined);
    link.send(packets.connack(0x87));
    expect(await codeOf(done)).toBe('ERR_MQTT_REFUSED');
    await link.expectEnd();
  });

  engine.case("'auto' sends version 5 first, and one CONNECT of 3.1.1 on a new connection where 5 is refused", async () => {
    const client = engine.client(broker.url, { clientId: 'c', protocolVersion: 'auto' });
    const done = client.connect();
    done.catch(() => undefined);
    const first = await broker.accept();
    expect(readConnect(await first.expectType(1)).level).toBe(5);
    first.send('20 02 00 01');
    const second = await broker.accept();
    await second.expect("10 0d 0004'MQTT' 04 02 003c 0001'c'");
    second.send('20 02 00 00');
    expect((await done).protocolVersion).toBe(4);
  });

  engine.case("'auto' also falls back where the broker closes on version 5 without a word", async () => {
    const client = engine.client(broker.url, { clientId: 'c', protocolVersion: 'auto' });
    const done = client.connect();
    done.catch(() => undefined);
    const first = await broker.accept();
    await first.expectType(1);
    first.end();
    const second = await broker.accept();
    await second.expect("10 0d 0004'MQTT' 04 02 003c 0001'c'");
    second.send('20 02 00 00');
    expect((await done).protocolVersion).toBe(4);
  });
});
