/**
 * Subscriptions whose filters overlap. A server may send one message for all of them or a copy for each (3.3.4); by the Subscription
 * Identifiers that the client adds, each Subscription gets the message once either way, and the application sees none of them.
 */
import { describe, expect, it } from 'vitest';
import type { Client, Message, Subscription } from 'mqtt-native';
import { FilterTree } from '../../dist/incoming/filter-tree.js';
import { FakeClient, fakeConnected, turn, watch } from '../support/fake-engine.js';
import type { FakeEngine } from '../support/fake-engine.js';

/** The Subscription Identifier of a SUBSCRIBE, as hex of the property; undefined: none. */
function identifierOf(engine: FakeEngine): string | undefined {
  const hex = engine.requests.at(-1)!.properties?.toString('hex');
  return hex === undefined ? undefined : /^0b(?:[89a-f].){0,3}[0-7]./.exec(hex)?.[0];
}

/** Subscribes; what comes goes to `got` as `name payload`. */
async function subscribe(
  client: Client, engine: FakeEngine, name: string, filters: string | string[], got: string[], options: object = {}, code = 1,
): Promise<{ subscription: Subscription; identifier: string }> {
  const subscribing = client.subscribe(filters, options, (message) => { got.push(`${name} ${message.text()}`); });
  const identifier = identifierOf(engine) ?? '';
  const request = engine.requests.at(-1)!;
  engine.answer(request.filters.map(() => code));
  const subscription = await subscribing;
  await turn();
  return { subscription, identifier };
}

describe('overlapping subscriptions', () => {
  it('get a message once each, whether the server sends it once with all identifiers or a copy for each (3.3.4)', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const a = await subscribe(client, engine, 'a', 'x/#', got);
    const b = await subscribe(client, engine, 'b', 'x/+', got);
    const c = await subscribe(client, engine, 'c', 'x/1', got);
    expect(new Set([a.identifier, b.identifier, c.identifier]).size).toBe(3);
    engine.deliver([engine.message('x/1', 'once', 1, `0101${c.identifier}${a.identifier}${b.identifier}`)]);
    expect(got.splice(0).sort()).toEqual(['a once', 'b once', 'c once']);
    engine.deliver([a, b, c].map(({ identifier }) => engine.message('x/1', 'copy', 1, identifier)));
    expect(got.splice(0)).toEqual(['a copy', 'b copy', 'c copy']);
    engine.deliver([engine.message('x/1', 'two', 1, a.identifier + c.identifier), engine.message('x/1', 'two', 1, b.identifier + b.identifier)]);
    expect(got.splice(0).sort()).toEqual(['a two', 'b two', 'c two']);
    expect(engine.acknowledged).toBe(6);
  });

  it("the event 'message' gets every copy that comes", async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    let events = 0;
    client.on('message', () => { events += 1; });
    const a = await subscribe(client, engine, 'a', 'x/#', got);
    const b = await subscribe(client, engine, 'b', 'x/+', got);
    engine.deliver([a, b].map(({ identifier }) => engine.message('x/1', 'm', 0, identifier)));
    expect(events).toBe(2);
    expect(got).toEqual(['a m', 'b m']);
  });

  it('the application sees its own identifiers and no automatic ones', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const seen: Message[] = [];
    client.on('message', (message) => seen.push(message));
    const own = await subscribe(client, engine, 'own', 'x/#', got, { subscriptionIdentifier: 7 });
    const automatic = await subscribe(client, engine, 'automatic', 'x/+', got);
    expect(own.identifier).toBe('0b07');
    engine.deliver([
      engine.message('x/1', 'both', 0, `${automatic.identifier}0b07`),
      engine.message('x/1', 'one', 0, automatic.identifier),
      engine.message('x/1', 'other', 0, `0101${automatic.identifier}`),
    ]);
    expect(seen.map((message) => message.properties)).toEqual([{ subscriptionIdentifiers: [7] }, {}, { payloadFormatIndicator: 1 }]);
    expect(got).toEqual(['own both', 'automatic both', 'automatic one', 'automatic other']);
  });

  it('of an identifier that an application counts up from 1 none is taken for an automatic one', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const automatic = await subscribe(client, engine, 'automatic', '#', got);
    for (let i = 1; i <= 3; i += 1) {
      const own = await subscribe(client, engine, `own ${i}`, `x/${i}`, got, { subscriptionIdentifier: i });
      expect(own.identifier).not.toBe(automatic.identifier);
    }
    engine.deliver([engine.message('x/2', 'm', 0, '0b02'), engine.message('x/2', 'm', 0, automatic.identifier)]);
    expect(got).toEqual(['own 2 m', 'automatic m']);
  });

  it('a message without a known identifier goes to all whose filters match', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    await subscribe(client, engine, 'a', 'x/#', got);
    await subscribe(client, engine, 'b', 'x/+', got);
    engine.deliver([
      engine.message('x/1', 'none'), engine.message('x/1', 'other', 0, '0101'), engine.message('x/1', 'unknown', 0, '0b63'),
      engine.message('x/1', 'unknown two', 0, '0b630b64'),
    ]);
    expect(got).toEqual(['none', 'other', 'unknown', 'unknown two'].flatMap((text) => [`a ${text}`, `b ${text}`]));
  });

  it('a retained message that comes for a new subscription goes to that one only', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    await subscribe(client, engine, 'old', 'x/#', got);
    const subscribing = client.subscribe('x/1', () => { got.push('new'); });
    const identifier = identifierOf(engine)!;
    // Before SUBACK, as 3.8.4 allows.
    engine.deliver([engine.message('x/1', 'kept', 0, identifier, 4)]);
    engine.answer([0]);
    await subscribing;
    expect(got).toEqual(['new']);
  });

  it('one of 10,000 identifiers in one message, each of them many times, is found in time', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const { identifier } = await subscribe(client, engine, 'a', 'x/#', got);
    await subscribe(client, engine, 'b', 'x/+', got);
    // 10,000 unknown ones of four bytes.
    const many = Array.from({ length: 10_000 }, (_, i) => `0b8080${(0x80 + (i & 127)).toString(16)}01`).join('');
    engine.deliver([engine.message('x/1', 'm', 0, many + identifier.repeat(10_000))]);
    expect(got).toEqual(['a m']);
  });
});

describe('two subscriptions to one filter', () => {
  it('both get what comes by the last identifier, the only one the server knows [MQTT-3.8.4-3]', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    await subscribe(client, engine, 'first', 'x/1', got);
    const last = await subscribe(client, engine, 'last', 'x/1', got);
    const other = await subscribe(client, engine, 'other', 'x/#', got);
    engine.deliver([last, other].map(({ identifier }) => engine.message('x/1', 'm', 0, identifier)));
    expect(got).toEqual(['first m', 'last m', 'other m']);
  });

  it('the one that stays gets what still comes by the identifier of the one that was unsubscribed', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    await subscribe(client, engine, 'stays', 'x/1', got);
    const last = await subscribe(client, engine, 'last', 'x/1', got);
    const other = await subscribe(client, engine, 'other', 'x/#', got);
    await last.subscription.unsubscribe();
    expect(engine.requests).toEqual([]);
    engine.deliver([last, other].map(({ identifier }) => engine.message('x/1', 'm', 0, identifier)));
    expect(got).toEqual(['stays m', 'other m']);
  });

  it('while the second SUBSCRIBE is not answered, messages come by the one identifier or the other', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const first = await subscribe(client, engine, 'first', 'x/1', got);
    const other = await subscribe(client, engine, 'other', 'x/#', got);
    const subscribing = client.subscribe('x/1', (message) => { got.push(`second ${message.text()}`); });
    const second = identifierOf(engine)!;
    engine.deliver([first.identifier, other.identifier, second, other.identifier].map((one) => engine.message('x/1', 'm', 0, one)));
    expect(got.splice(0)).toEqual(['first m', 'second m', 'other m', 'first m', 'second m', 'other m']);
    engine.answer([0]);
    await subscribing;
    await turn();
    engine.deliver([second, other.identifier].map((one) => engine.message('x/1', 'm', 0, one)));
    expect(got).toEqual(['first m', 'second m', 'other m']);
  });

  it('a refused second one changes nothing for the first', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const first = await subscribe(client, engine, 'first', 'x/1', got);
    const other = await subscribe(client, engine, 'other', 'x/#', got);
    const refused = watch(subscribe(client, engine, 'refused', 'x/1', got, {}, 0x87));
    await turn();
    expect(refused.error?.code).toBe('ERR_MQTT_SUBSCRIBE');
    engine.deliver([first, other].map(({ identifier }) => engine.message('x/1', 'm', 0, identifier)));
    expect(got).toEqual(['first m', 'other m']);
  });
});

describe('a call with several filters', () => {
  it('of which the server refuses one: that filter keeps the identifier it had', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const first = await subscribe(client, engine, 'first', 'x/1', got);
    const subscribing = client.subscribe(['x/1', 'x/#'], (message) => { got.push(`second ${message.text()}`); });
    const second = identifierOf(engine)!;
    engine.answer([0x87, 0]);
    expect((await subscribing).filters).toEqual(['x/#']);
    await turn();
    engine.deliver([first.identifier, second].map((one) => engine.message('x/1', 'm', 0, one)));
    expect(got).toEqual(['first m', 'second m']);
  });
});

describe('a session of an earlier process', () => {
  it('may have messages with identifiers of that one: those of this process do not begin where they did', async () => {
    const fake = new FakeClient({ clientId: 'me', cleanStart: false, sessionExpiryInterval: 100 });
    const connecting = fake.connecting();
    fake.engine.accept('', true);
    await connecting;
    await turn();
    const got: string[] = [];
    const { client, engine } = fake;
    const a = await subscribe(client, engine, 'a', 'x/#', got);
    await subscribe(client, engine, 'b', 'x/+', got);
    // Three bytes.
    expect(a.identifier).toMatch(/^0b[89a-f].[89a-f].[0-7].$/);
    engine.deliver([engine.message('x/1', 'old', 1, '0b8040')]);
    expect(got).toEqual(['a old', 'b old']);
    client.destroy();
  });
});

describe('a server without Subscription Identifiers', () => {
  for (const [what, options, connack] of [['MQTT 5, told in CONNACK (3.2.2.3.12)', {}, '2900'], ['MQTT 3.1.1', { protocolVersion: 4 }, undefined]] as const) {
    it(`${what}: none is sent, messages go where filters match`, async () => {
      const { client, engine } = await fakeConnected(options, connack);
      const got: string[] = [];
      expect((await subscribe(client, engine, 'a', 'x/#', got)).identifier).toBe('');
      expect((await subscribe(client, engine, 'b', 'x/+', got)).identifier).toBe('');
      engine.deliver([engine.message('x/1', 'm', 1)]);
      expect(got).toEqual(['a m', 'b m']);
    });
  }
});

describe('subscriptions that come and go', () => {
  /** As a server has them: by filter, with the last identifier. */
  class Server {
    readonly filters = new Map<string, string>();

    /** The packets of one message, in one of the two ways. */
    packets(topic: string, copies: boolean): string[] {
      const found: string[] = [];
      for (const [filter, identifier] of this.filters) {
        const tree = new FilterTree<true>();
        tree.add(filter, true);
        if (tree.match(topic).length > 0) found.push(identifier);
      }
      return copies || found.length === 0 ? found : [found.join('')];
    }
  }

  for (const copies of [false, true]) {
    it(`each gets each message once from a server that sends ${copies ? 'a copy for each filter' : 'one message with all identifiers'}`, async () => {
      const { client, engine } = await fakeConnected();
      const server = new Server();
      const got: string[] = [];
      const active = new Map<string, { filter: string; subscription: Subscription }>();
      const filters = ['#', '+/+', 'a/#', 'a/b', 'a/+', '+/b', '$share/g/a/b', '$share/h/#', 'c/+'];
      let state = 1;
      const next = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((state / 4_294_967_296) * below);
      };
      for (let step = 0; step < 600; step += 1) {
        if (active.size < 3 || next(3) > 0) {
          const filter = filters[next(filters.length)]!;
          const name = `s${step}`;
          const { subscription, identifier } = await subscribe(client, engine, name, filter, got);
          server.filters.set(filter, identifier);
          active.set(name, { filter, subscription });
        } else {
          const [name, { subscription }] = [...active][next(active.size)]!;
          const unsubscribing = subscription.unsubscribe();
          for (const filter of engine.requests.at(-1)?.filters ?? []) server.filters.delete(filter);
          if (engine.requests.length > 0) engine.answer([0]);
          await unsubscribing;
          active.delete(name);
        }
        if (active.size > 15) {
          const [filter] = [...server.filters.keys()].slice(next(server.filters.size));
          const unsubscribing = client.unsubscribe(filter!);
          engine.answer([0]);
          await unsubscribing;
          server.filters.delete(filter!);
          for (const [name, one] of active) if (one.filter === filter) active.delete(name);
        }
        for (const topic of ['a/b', 'c/d', 'a', 'b/b']) {
          const text = `${step} ${topic}`;
          engine.deliver(server.packets(topic, copies).map((identifiers) => engine.message(topic, text, 1, identifiers)));
          const tree = new FilterTree<string>();
          for (const [name, { filter }] of active) tree.add(filter, name);
          expect(got.splice(0).sort(), text).toEqual(tree.match(topic).map((name) => `${name} ${text}`).sort());
        }
      }
      client.destroy();
    });
  }
});
