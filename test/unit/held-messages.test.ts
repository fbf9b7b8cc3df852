/**
 * `onHandlerError: 'disconnect'`: a message whose handler has failed is not acknowledged, the connection ends with reason code 0x83, and a
 * server that keeps the session sends it again. What is held like that must never hold up what comes later.
 */
import { describe, expect, it } from 'vitest';
import type { Client, ClientOptions, MessageHandler } from 'mqtt-native';
import { fakeConnected, turn } from '../support/fake-engine.js';
import type { FakeClient, FakeEngine } from '../support/fake-engine.js';

interface Started {
  client: Client;
  engine: FakeEngine;
  fake: FakeClient;
  errors: unknown[];
  /** By payload: ends the handler that works on it. */
  end: Map<string, (error?: Error) => void>;
}

/** Handlers of '#' and of 'a/+' work until they are told to end; a payload that begins with ! makes the first throw at once. */
async function start(options: ClientOptions = {}): Promise<Started> {
  const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 100, onHandlerError: 'disconnect', ...options });
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push((error as Error).message));
  const end: Started['end'] = new Map();
  const handler = (name: string): MessageHandler => (message) => {
    const text = message.text();
    if (text.startsWith('!')) throw new Error(text);
    return new Promise((resolve, reject) => {
      end.set(name + text, (error) => { if (error === undefined) resolve(); else reject(error); });
    });
  };
  for (const [filter, name] of [['#', ''], ['a/+', 'second ']] as const) {
    const subscribing = client.subscribe(filter, { qos: 2 }, handler(name));
    engine.answer([2]);
    await subscribing;
    await turn();
  }
  return { client, engine, fake, errors, end };
}

/** The end of the connection as the server sees it, and the next connection of the session. */
async function again(fake: FakeClient, engine: FakeEngine): Promise<void> {
  engine.lose({ code: 'ERR_MQTT_CLOSED' });
  void fake.connecting();
  engine.accept('', true);
  await turn();
}

describe("a handler that fails with onHandlerError: 'disconnect'", () => {
  for (const [what, text] of [['throws', '!'], ['rejects', 'x']] as const) {
    it(`${what}: error is emitted, DISCONNECT 0x83 is sent, and its message is acknowledged by nobody`, async () => {
      const { engine, end, errors, client } = await start();
      engine.deliver([engine.message('b', 'before', 1), engine.message('b', text, 1), engine.message('b', 'behind', 1)]);
      end.get(text)?.(new Error('!'));
      end.get('before')!();
      end.get('behind')!();
      await turn();
      expect(errors).toEqual(['!']);
      expect(engine.acks).toEqual([[1, 0]]);
      expect(engine.closes).toMatchObject([{ reasonCode: 0x83 }]);
      expect(engine.taken_.messages).toBe(3);
      client.destroy();
    });
  }

  it('what was done before it in the same batch is acknowledged before DISCONNECT', async () => {
    const { engine, client } = await start();
    let before = -1;
    const close = engine.close.bind(engine);
    engine.close = (...args) => {
      before = engine.acknowledged;
      close(...args);
    };
    const unheard = ['$a', '$b'].map((topic) => engine.message(topic, '', 1));
    engine.deliver([...unheard, engine.message('b', '!', 1), engine.message('$c', '', 1)]);
    await turn();
    expect(before).toBe(2);
    expect(engine.acknowledged).toBe(2);
    client.destroy();
  });

  it('when the connection has ended the engine is to forget it, and what waited behind it goes on in its order', async () => {
    const { engine, fake, end, client } = await start();
    engine.deliver([engine.message('b', '!', 2), engine.message('b', 'behind', 2), engine.message('b', '!', 1)]);
    end.get('behind')!();
    await turn();
    expect(engine.acks).toEqual([]);
    await again(fake, engine);
    expect(engine.acks).toEqual([[1, 0x83], [1, 0], [1, 0x83]]);
    engine.deliver([engine.message('b', 'repeated', 2, '', 8)]);
    end.get('repeated')!();
    await turn();
    expect(engine.acks.slice(3)).toEqual([[1, 0]]);
    client.destroy();
  });

  it('at QoS 0 nothing can come again: only error is emitted', async () => {
    const { engine, errors, client } = await start();
    engine.deliver([engine.message('b', '!', 0), engine.message('b', '!', 0)]);
    await turn();
    expect(errors).toEqual(['!', '!']);
    expect(engine.closes).toEqual([]);
    client.destroy();
  });

  it('after ack() the message is acknowledged: only error is emitted', async () => {
    const { client, engine, errors } = await start();
    client.on('message', (message) => message.ack());
    engine.deliver([engine.message('b', '!', 1)]);
    await turn();
    expect(errors).toEqual(['!']);
    expect(engine.acks).toEqual([[1, 0]]);
    expect(engine.closes).toEqual([]);
    client.destroy();
  });

  it('another handler of the message ends well, or says ack(): it is held all the same', async () => {
    const { engine, fake, end, client } = await start();
    engine.deliver([engine.message('a/b', 'x', 1)]);
    end.get('x')!(new Error('first'));
    await turn();
    expect(engine.taken_.messages).toBe(0);
    end.get('second x')!();
    await turn();
    expect(engine.acks).toEqual([]);
    expect(engine.taken_.messages).toBe(1);
    await again(fake, engine);
    expect(engine.acks).toEqual([[1, 0x83]]);
    client.destroy();
  });

  it('fails when there is no connection: given up at once', async () => {
    const { engine, end, errors, client } = await start();
    engine.deliver([engine.message('b', 'x', 1), engine.message('b', 'y', 1)]);
    engine.lose();
    end.get('x')!(new Error('late'));
    await turn();
    expect(errors).toEqual(['late']);
    expect(engine.acks).toEqual([[1, 0x83]]);
    client.destroy();
  });

  it('of a message that was handed out after the connection had ended fails on the next one: given up at once', async () => {
    const { engine, fake, end, client } = await start();
    engine.lose();
    engine.deliver([engine.message('b', 'x', 1)]);
    void fake.connecting();
    engine.accept('', true);
    await turn();
    end.get('x')!(new Error('late'));
    await turn();
    expect(engine.acks).toEqual([[1, 0x83]]);
    expect(engine.closes).toEqual([]);
    client.destroy();
  });

  it('fails on the next connection, QoS 1: given up at once, and that connection stays, for the server has sent it again', async () => {
    const { engine, fake, end, client } = await start();
    engine.deliver([engine.message('b', 'x', 1), engine.message('b', 'y', 1)]);
    await again(fake, engine);
    engine.deliver([engine.message('b', 'z', 1)]);
    end.get('x')!(new Error('late'));
    end.get('y')!();
    await turn();
    expect(engine.acks).toEqual([[1, 0x83], [1, 0]]);
    expect(engine.closes).toEqual([]);
    // The message of this connection is held when it fails, whatever came before.
    end.get('z')!(new Error('now'));
    await turn();
    expect(engine.acknowledged).toBe(2);
    expect(engine.closes).toHaveLength(1);
    client.destroy();
  });

  it('fails on the next connection, QoS 2: a repetition may have come and must not be answered, so that connection ends as well', async () => {
    const { engine, fake, end, client } = await start();
    engine.deliver([engine.message('b', 'x', 2)]);
    await again(fake, engine);
    end.get('x')!(new Error('late'));
    await turn();
    expect(engine.acks).toEqual([]);
    expect(engine.closes).toHaveLength(1);
    await again(fake, engine);
    expect(engine.acks).toEqual([[1, 0x83]]);
    client.destroy();
  });

  it("with onHandlerError: 'ack', the default, the message is acknowledged and the connection stays", async () => {
    const { engine, errors, client } = await start({ onHandlerError: 'ack' });
    engine.deliver([engine.message('b', '!', 1)]);
    await turn();
    expect(errors).toEqual(['!']);
    expect(engine.acks).toEqual([[1, 0]]);
    expect(engine.closes).toEqual([]);
    client.destroy();
  });
});
