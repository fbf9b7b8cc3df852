/** A client of the engine under test, connected to a scripted broker. */
import type { Client, ClientOptions } from 'mqtt-native';
import type { EngineUnderTest } from './engines.js';
import { packetsOf } from './packets.js';
import type { Bytes, Packets, Version } from './packets.js';
import type { ScriptedBroker, ScriptedLink } from './scripted-broker.js';

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
