import * as net from 'node:net';
import { takeStock } from '../engine/select.js';
import { isSecure } from '../options/url.js';
import { describeHost } from '../platform/host.js';
import { version } from '../platform/targets.js';
import { within, type Clock } from './clock.js';
import { connectToServer, type Connection } from './connect-to-server.js';
import { exchangeMessage } from './exchange-message.js';
import { identifyPort } from './identify-port.js';
import { lookAtEngine } from './look-at-engine.js';
import { lookAtHost } from './look-at-host.js';
import { lookAtTls, type TlsLook } from './look-at-tls.js';
import { lookForProxy } from './look-for-proxy.js';
import { lookUpName } from './look-up-name.js';
import { portFinding } from './name-port.js';
import { reachPort } from './reach-port.js';
import { skipped, STEPS, type Language, type Report, type Step, type StepName } from './report.js';
import type { Settings } from './settings.js';

/** For DISCONNECT at the end, milliseconds. */
const FAREWELL = 1_000;

/**
 * Takes all steps, from this machine to a message there and back; each one either was taken or says why not. `settings` is undefined
 * without a URL: then the steps about a server are not in the report.
 */
export async function examine(settings: Settings | undefined, env: NodeJS.ProcessEnv, lang: Language, clock: Clock): Promise<Report> {
  const host = describeHost();
  const steps = [lookAtHost(host), lookAtEngine(takeStock(), host, version, env['MQTT_NATIVE_ENGINE'])];
  if (settings !== undefined) steps.push(...await examineServer(settings, env, steps[1]!.status === 'failed', clock));
  const problems = steps.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'problem').map(({ id }) => id));
  const ok = !steps.some(({ status, because }) => status === 'failed' || because === 'time');
  return { format: 1, version, date: new Date().toISOString(), url: settings?.url ?? null, lang, ok, problems, steps };
}

async function examineServer(settings: Settings, env: NodeJS.ProcessEnv, engineFailed: boolean, clock: Clock): Promise<Step[]> {
  const { endpoint } = settings;
  const { host, port } = endpoint;
  const { step: dns, addresses } = await lookUpName(host, clock);
  if (addresses.length === 0) return [dns, skipped('tcp', 'dns'), lookForProxy(env, host, port, undefined), ...rest('tls', 'dns')];
  const { step: tcp, reached } = await reachPort(host, addresses, port, clock);
  const steps = [dns, tcp, lookForProxy(env, host, port, reached !== undefined)];
  if (reached === undefined) return [...steps, ...rest('tls', 'tcp')];

  const look = settings.tls === undefined ? undefined : await lookAtTls(host, reached, port, settings.tls, clock);
  if (look?.handshake === 'none') await explainNoTls(look, settings, reached, clock);
  steps.push(look?.step.build() ?? skipped('tls', 'not-needed'));
  if (look?.handshake === 'none') return [...steps, ...rest('connect', 'tls')];
  if (clock.left === 0) return [...steps, ...rest('connect', 'time')];

  const { step: connect, connection } = await connectToServer(settings, { address: reached, tls: look, engineFailed }, clock);
  steps.push(settings.passwordInUrl ? withNote(connect) : connect);
  if (connection === undefined) return [...steps, ...rest('subscribe', 'connect')];
  try {
    return [...steps, ...(clock.left === 0 ? rest('subscribe', 'time') : await exchangeMessage(connection, settings, clock))];
  } finally {
    await leave(connection);
  }
}

/** All steps from this one on, skipped. */
function rest(from: StepName, because: NonNullable<Step['because']>): Step[] {
  return STEPS.slice(STEPS.indexOf(from)).map((name) => skipped(name, because));
}

/** Why there is no TLS: what is on the port tells more than the error of the handshake does. */
async function explainNoTls(look: TlsLook, { endpoint }: Settings, address: string, clock: Clock): Promise<void> {
  const place = { host: address, port: endpoint.port };
  const port = await identifyPort(() => net.connect(place), isSecure(endpoint), endpoint.host, clock);
  if (!portFinding(look.step, port, endpoint, 'plain')) look.step.problem('tls-failed', { detail: look.detail });
}

function withNote(step: Step): Step {
  return { ...step, findings: [...step.findings, { id: 'password-in-url', severity: 'note', values: {} }] };
}

async function leave({ client }: Connection): Promise<void> {
  await within(FAREWELL, client.close({ timeout: FAREWELL }).catch(() => undefined));
  client.destroy();
}
