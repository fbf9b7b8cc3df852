import type { EngineOpen, EngineTls } from '../engine.js';
import type { NativeOpenOptions, NativeTlsOptions } from './binding.js';

/** An attempt to connect, in the core's terms. */
export function toNativeOpen(options: EngineOpen): NativeOpenOptions {
  const { will } = options;
  return {
    host: options.host,
    port: options.port,
    tls: options.transport === 'tls' ? toNativeTls(options.tls) : undefined,
    protocolVersion: options.protocolVersion,
    cleanStart: options.cleanStart,
    keepAlive: options.keepAlive,
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    properties: options.properties,
    willTopic: will?.topic,
    willPayload: will?.payload,
    willQos: will?.qos ?? 0,
    willRetain: will?.retain ?? false,
    willProperties: will?.properties,
    receiveMaximum: options.receiveMaximum,
    maximumPacketSize: options.maximumPacketSize,
    topicAliasMaximum: options.topicAliasMaximum,
    outgoingAliases: options.outgoingTopicAliases,
    window: options.window,
    connectTimeout: options.connectTimeout,
  };
}

function toNativeTls(tls: EngineTls | undefined): NativeTlsOptions {
  return {
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    passphrase: tls?.passphrase,
    serverName: tls?.servername,
    ciphers: tls?.ciphers,
    alpn: tls?.alpn?.join(','),
    minVersion: tls?.minVersion === 'TLSv1.3' ? 13 : 12,
    maxVersion: tls?.maxVersion === undefined ? 0 : tls.maxVersion === 'TLSv1.3' ? 13 : 12,
    insecureSkipVerify: tls?.insecureSkipVerify ?? false,
  };
}
