import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Client } from '../client.js';
import { EngineUnavailableError, MqttError, timeoutError } from '../errors.js';
import { isSecure } from '../options/url.js';
import type { ConnectResult } from '../protocol/connack.js';
import { within, type Clock } from './clock.js';
import { identifyPort, type Dial, type PortKind } from './identify-port.js';
import { nodeTlsOptions, type TlsLook } from './look-at-tls.js';
import { portFinding } from './name-port.js';
import { reasonOf, refusalFinding, refusesVersion } from './name-refusal.js';
import { StepBuilder, type Step } from './report.js';
import type { Settings } from './settings.js';
import { alertFinding, type HandshakeFacts } from './tls-alerts.js';

/** Beyond the client's own timeout, milliseconds: it is given the word first. */
const GRACE = 500;

export interface Connection {
  readonly client: Client;
  readonly result: ConnectResult;
}

type Outcome = Connection | MqttError;

export interface Connected {
  readonly step: Step;
  readonly connection: Connection | undefined;
}

/** What the earlier steps have found out. */
export interface Way {
  /** The address that accepts connections. */
  readonly address: string;
  /** Undefined without TLS. */
  readonly tls: TlsLook | undefined;
  readonly engineFailed: boolean;
}

/** Connects as a program would, with MQTT 5, and with 3.1.1 where that may help; says why it has failed. */
export async function connectToServer(settings: Settings, way: Way, clock: Clock): Promise<Connected> {
  const step = new StepBuilder('connect');
  step.fact('clientId', settings.secrets.hide(settings.clientId)).fact('credentials', settings.username !== undefined);
  const five = await attempt(settings, 5, clock.share(10_000, 0.4));
  if (!(five instanceof MqttError)) return { step: succeeded(step, five), connection: five };

  let port: PortKind | undefined;
  let four: Outcome | undefined;
  if (refusesVersion(five) || five.code === 'ERR_MQTT_CONNECTION_LOST') {
    four = await attempt(settings, 4, clock.share(10_000, 0.5));
  } else if (five.code === 'ERR_MQTT_TIMEOUT') {
    port = await identify(settings, way, clock);
    if (port.kind === 'mqtt') four = await attempt(settings, 4, clock.share(10_000, 0.5));
  }
  if (four !== undefined && !(four instanceof MqttError)) {
    if (refusesVersion(five)) step.warning('mqtt5-refused', { reason: reasonOf(five, settings.secrets) });
    else step.warning(five.code === 'ERR_MQTT_TIMEOUT' ? 'mqtt5-no-answer' : 'mqtt5-closed');
    return { step: succeeded(step, four), connection: four };
  }

  // Where 5 is not taken, what 3.1.1 was told counts.
  const error = four instanceof MqttError && (refusesVersion(five) || four.code === 'ERR_MQTT_REFUSED') ? four : five;
  step.fact('error', error.code).fact('reasonCode', error.reasonCode);
  if (error.properties?.reasonString !== undefined) step.fact('reason', settings.secrets.hide(error.properties.reasonString));
  await explain(step, error, port, settings, way, clock);
  return { step: step.build(), connection: undefined };
}

function succeeded(step: StepBuilder, { client, result }: Connection): Step {
  step.fact('engine', result.engine.name).fact('mqtt', result.protocolVersion === 5 ? '5' : '3.1.1');
  step.fact('sessionPresent', result.sessionPresent).fact('maximumQoS', result.limits.maximumQoS);
  if (result.assignedClientIdentifier !== undefined) step.fact('clientId', client.clientId);
  return step.build();
}

async function attempt(settings: Settings, protocolVersion: 4 | 5, time: number): Promise<Outcome> {
  let client: Client | undefined;
  try {
    client = settings.makeClient({ protocolVersion, connectTimeout: time });
    const result = await within(time + GRACE, client.connect());
    if (result !== undefined) return { client, result };
    client.destroy();
    return timeoutError('connect');
  } catch (error) {
    client?.destroy();
    if (error instanceof MqttError) return error;
    throw error;
  }
}

/** `known`: what the port speaks, if it was asked already. */
async function explain(
  step: StepBuilder, error: MqttError, known: PortKind | undefined, settings: Settings, way: Way, clock: Clock,
): Promise<void> {
  const detail = settings.secrets.hide(error.message);
  switch (error.code) {
    case 'ERR_MQTT_REFUSED':
      if (refusesVersion(error)) step.problem('no-common-version');
      else refusalFinding(step, error, settings);
      return;
    case 'ERR_MQTT_TLS':
      if (way.tls?.step.hasProblem === true) step.failedBecause('tls');
      else if (!alertFinding(step, detail, handshakeFacts(settings, way))) step.problem('tls-engine', { detail });
      return;
    case 'ERR_MQTT_ENGINE_UNAVAILABLE':
    case 'ERR_MQTT_OPTION':
      if (way.engineFailed) step.failedBecause('engine');
      else if (error instanceof EngineUnavailableError) step.problem('engine-asked-for', { engine: error.attempts[0]!.engine, detail });
      else step.problem('connect-failed', { detail, code: error.code });
      return;
    case 'ERR_MQTT_TIMEOUT':
    case 'ERR_MQTT_PROTOCOL':
    case 'ERR_MQTT_CONNECTION_LOST':
    case 'ERR_MQTT_CONNECT': {
      const port = known ?? await identify(settings, way, clock);
      if (portFinding(step, port, settings.endpoint, way.tls === undefined ? 'plain' : 'tls')) return;
      if (error.code === 'ERR_MQTT_TIMEOUT') step.problem('connect-timeout');
      else if (error.code === 'ERR_MQTT_PROTOCOL') step.problem('protocol-broken', { detail });
      else if (error.code === 'ERR_MQTT_CONNECTION_LOST') closedFinding(step, settings, way);
      else if (settings.endpoint.transport === 'ws' || settings.endpoint.transport === 'wss') step.problem('websocket-refused', { detail });
      else step.problem('connect-failed', { detail, code: error.code });
      return;
    }
    default:
      step.problem('connect-failed', { detail, code: error.code });
  }
}

/** It has closed without a word. Some servers do so where a certificate of the client does not suit them, before they have read CONNECT. */
function closedFinding(step: StepBuilder, { tls: options }: Settings, { tls: look }: Way): void {
  const detail = 'connection closed right behind the handshake';
  if (look?.hungUp === true && options?.cert !== undefined) step.problem('client-certificate-refused', { detail });
  else step.problem('closed-after-connect');
}

function handshakeFacts({ tls: options }: Settings, { tls: look }: Way): HandshakeFacts {
  return { clientCertificate: options?.cert !== undefined, agreed: look?.agreed ?? false };
}

/** Asks the port itself; through TLS if there was a handshake. Nothing secret is said to it. */
function identify({ endpoint, tls: options }: Settings, way: Way, clock: Clock): Promise<PortKind> {
  const { host, port } = endpoint;
  const place = { host: way.address, port };
  const secure = isSecure(endpoint) && options !== undefined;
  const dial: Dial = () => (secure ? tls.connect({ ...place, ...nodeTlsOptions(options, host) }) : net.connect(place));
  return identifyPort(dial, secure, host, clock);
}
