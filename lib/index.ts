// The declarations speak of Buffer, EventEmitter and Symbol.asyncDispose. TypeScript 6 and later look at no @types by themselves.
/// <reference types="node" preserve="true" />
export { Client, connect, type ClientEvents, type ClientListener } from './client.js';
export type {
  ClientDiagnostics,
  ConnectDiagnostics,
  DiagnosticsMessages,
  DisconnectDiagnostics,
  DropDiagnostics,
  LogRecord,
  MessageDiagnostics,
  PublishDiagnostics,
  ReconnectDiagnostics,
} from './diagnostics.js';
export type { EngineInfo } from './engine/engine.js';
export { EngineUnavailableError, MqttError, type EngineAttempt, type MqttErrorCode, type MqttErrorDetails } from './errors.js';
export type { Message } from './incoming/message.js';
export type { Grant, MessageHandler, SharedFilter, Subscription } from './incoming/subscription.js';
export type { Distribution, Uos } from './platform/distribution.js';
export { describeHost, type Host } from './platform/host.js';
export type { Libc } from './platform/libc.js';
export type { LoongArchWorld } from './platform/loongarch.js';
export type { WaitOptions } from './options/call-options.js';
export type { ClientOptions, Credentials, QueueOptions, ReconnectOptions } from './options/client-options.js';
export type { CloseOptions, ConnectOptions } from './options/close-options.js';
export type { Payload, PublishOptions, WriteOptions } from './options/publish-options.js';
export type { FilterOptions, Filters, SubscribeOptions, UnsubscribeOptions } from './options/subscribe-options.js';
export type { PemSource, TlsOptions } from './options/tls.js';
export type { WillOptions } from './options/will.js';
export type { DroppedMessage } from './outgoing/drop.js';
export type { PublishResult } from './outgoing/publish.js';
export type { UnsubscribeResult } from './outgoing/unsubscribe.js';
export type { ConnectResult, ServerLimits } from './protocol/connack.js';
export type {
  AckProperties,
  ConnackProperties,
  DisconnectProperties,
  MessageProperties,
  PublishProperties,
  ServerProperties,
  SubscribeProperties,
  UserProperties,
  UserPropertiesInit,
} from './protocol/property-types.js';
export type { ClientState } from './session/lifecycle.js';
export type { ClientStats, MessagesAndBytes, TimeSummary } from './stats.js';
