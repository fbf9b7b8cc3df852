/** A client of the engine under test, connected to a scripted broker, and what becomes of it when the link is cut. */
import type { Client, ClientOptions, Message, MqttError } from 'mqtt-native';
import type { EngineUnderTest } from './engines.js';
import { packetIdentifier, packetsOf } from './packets.js';
import type { Bytes, Packets, Version } from './packets.js';
import type { ScriptedBroker, ScriptedLink } from './scripted-broker.js';
import { Inbox, withSafetyNet } from './waiting.js';

export interface ScriptedPair {
  client: Client;
  link: ScriptedLink;
  /** The CONNECT that came in. */
  connect: Buffer;
  /** The broker's packets, in the version of the connection. */
  packets: Packets;
}

/** CONNECT has come in and is not answered. `connecting` is what connect() gave; its rejection counts as heard. */
export async function connecting(
  engine: EngineUnderTest, broker: ScriptedBroker, version: Version, options: Partial<ClientOptions> = {},
): Promise<ScriptedPair & { connecting: ReturnType<Client['connect']> }> {
  const client = engine.client(broker.url, { protocolVersion: version, clientId: 'c', ...options });
  const promise = client.connect();
  promise.catch(() => undefined);
  const link = await broker.accept();
  const connect = await link.expectType(1);
  return { client, link, connect, packets: packetsOf(version), connecting: promise };
}

/** Connected. `connack` are the properties of the answer. */
export async function connected(
  engine: EngineUnderTest, broker: ScriptedBroker, version: Version, options: Partial<ClientOptions> = {}, connack?: Bytes,
): Promise<ScriptedPair> {
  const pair = await connecting(engine, broker, version, options);
  pair.link.send(pair.packets.connack(0, false, connack));
  await pair.connecting;
  return pair;
}

/** Options of a client whose session outlives the connection. */
export function keeping(version: Version): Partial<ClientOptions> {
  return { cleanStart: false, ...(version === 5 ? { sessionExpiryInterval: 1000 } : {}) };
}

/** Ends the link with FIN, so that what was sent before still arrives, and waits until the client has heard it. */
export async function cut({ client, link }: ScriptedPair): Promise<MqttError> {
  const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
  link.end();
  return withSafetyNet("'disconnect'", lost);
}

/** CONNECT of the next connection has come in and is not answered. */
export async function nextConnect(broker: ScriptedBroker): Promise<{ link: ScriptedLink; connect: Buffer }> {
  const link = await broker.accept();
  return { link, connect: await link.expectType(1) };
}

/**
 * Cuts the link and lets the same client connect again, by connect() if it does not reconnect by itself. The new link is returned, and the
 * pair's; what the client sends behind CONNECT is the case's to read.
 */
export async function cutAndReconnect(
  broker: ScriptedBroker, pair: ScriptedPair, sessionPresent: boolean, connack?: Bytes,
): Promise<ScriptedLink> {
  await cut(pair);
  const again = pair.client.state === 'disconnected' ? pair.client.connect() : undefined;
  const { link } = await nextConnect(broker);
  link.send(pair.packets.connack(0, sessionPresent, connack));
  await again;
  pair.link = link;
  return link;
}

/** A message that waits in a handler until the test lets it go. */
export interface Held {
  message: Message;
  finish: () => void;
}

/** Subscribes to everything with a handler that is done when the test says so. */
export async function heldMessages({ client, link, packets }: ScriptedPair, qos: 1 | 2): Promise<Inbox<Held>> {
  const held = new Inbox<Held>('a message in the handler');
  const subscribing = client.subscribe('#', { qos }, (message) => new Promise<void>((finish) => { held.push({ message, finish }); }));
  link.send(packets.suback(packetIdentifier(await link.expectType(8))!, [qos]));
  await subscribing;
  return held;
}

/** The client has sent nothing that was not read: a publish of QoS 0 is the next packet. */
export async function expectNothingBut(client: Client, link: ScriptedLink): Promise<void> {
  await client.publish('mark', 'x');
  const mark = await link.expectType(3);
  if (mark[0] !== 0x30) {
    throw new Error(`expected the mark, the client sent ${mark.toString('hex')}`);
  }
}

/** The same PUBLISH with DUP, as it is sent again. */
export function again(publish: Buffer): Buffer {
  const copy = Buffer.from(publish);
  copy[0]! |= 0x08;
  return copy;
}
