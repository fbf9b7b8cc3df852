/**
 * Servers that are broken in one way each: doctor must say which, on both engines, in both languages and as JSON, with the right step and
 * exit code. None of them is Mosquitto; what needs a real broker is in mosquitto.test.ts.
 */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portFinding } from '../../dist/doctor/name-port.js';
import { StepBuilder } from '../../dist/doctor/report.js';
import { parseUrl } from '../../dist/options/url.js';
import type { FindingId } from '../../dist/doctor/texts/texts.js';
import type { StepName } from '../../dist/doctor/report.js';
import { Certificates } from '../support/certificates.js';
import { ENGINES } from '../support/engines.js';
import type { EngineName } from '../support/engines.js';
import { bytes, field, packetsOf } from '../support/packets.js';
import { freePorts } from '../support/ports.js';
import { WebSocketServer } from '../support/websocket-server.js';
import { pattern, run, runJson, stepOf, TEXTS } from './run.js';
import { brokerThat, openWirePort, serverThat, stopServersAfterAll, webServer } from './servers.js';

let certificates: Certificates;
beforeAll(() => { certificates = new Certificates(); });
afterAll(() => certificates.remove());
stopServersAfterAll();

interface Case {
  readonly name: string;
  /** Starts it; returns its URL. */
  readonly start: () => Promise<string>;
  readonly args?: () => string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly step: StepName;
  readonly finding: FindingId;
  /** WebSocket: the native engine is not asked for it. */
  readonly web?: true;
  /** A problem unless it says otherwise. */
  readonly severity?: 'warning';
  /** Must stand in the texts of both languages. */
  readonly says?: (url: string) => string[];
}

const plain = (port: number | Promise<number>) => Promise.resolve(port).then((number) => `mqtt://localhost:${number}`);
const secure = (port: number | Promise<number>) => Promise.resolve(port).then((number) => `mqtts://localhost:${number}`);
const portOf = (url: string): string => new URL(url).port;
const ca = (): string[] => ['--ca', certificates.authority.certFile];
const good = () => ({ cert: certificates.server.cert, key: certificates.server.key });
const wanting = () => ({ ...good(), ca: certificates.authority.cert, requestCert: true, rejectUnauthorized: true });
const refusing = (five: number, four = 0x80) => () => plain(brokerThat({ connack: (version) => (version === 5 ? five : four) }));
const onlyFour = (four: number) => () => plain(brokerThat({ connack: (version) => (version === 5 ? 0x84 : four) }));
const asMe = { args: () => ['--username', 'me'], env: { MQTT_PASSWORD: 'not this one' } };

const CASES: readonly Case[] = [
  // Credentials.
  { name: 'a wrong password, CONNACK 134', start: refusing(0x86), ...asMe, step: 'connect', finding: 'bad-credentials', says: () => ['0x86'] },
  { name: 'a wrong password in 3.1.1, return code 4', start: onlyFour(4), ...asMe, step: 'connect', finding: 'bad-credentials', says: () => ['4'] },
  { name: 'not authorized in 3.1.1, return code 5', start: onlyFour(5), ...asMe, step: 'connect', finding: 'not-authorized' },
  { name: 'not authorized, CONNACK 135', start: refusing(0x87), ...asMe, step: 'connect', finding: 'not-authorized' },
  { name: 'no credentials where some are wanted', start: refusing(0x87), step: 'connect', finding: 'credentials-missing', says: () => ['--username'] },
  // ACL.
  { name: 'SUBACK 135', start: () => plain(brokerThat({ suback: 0x87 })), step: 'subscribe', finding: 'subscribe-denied', says: () => ['mqtt-native/doctor/', '0x87'] },
  { name: 'SUBACK 128 in 3.1.1', start: () => plain(brokerThat({ connack: (v) => (v === 5 ? 0x84 : 0), suback: 0x80 })), step: 'subscribe', finding: 'subscribe-denied' },
  { name: 'SUBACK 151, a quota', start: () => plain(brokerThat({ suback: 0x97 })), step: 'subscribe', finding: 'subscribe-refused', says: () => ['Quota exceeded'] },
  { name: 'PUBACK 135', start: () => plain(brokerThat({ puback: 0x87 })), step: 'publish', finding: 'publish-denied', says: () => ['0x87'] },
  { name: 'a connection that is closed on a publish', start: () => plain(brokerThat({ puback: 'close' })), step: 'publish', finding: 'publish-closed' },
  { name: 'a publish that is never acknowledged', start: () => plain(brokerThat({ puback: 'silence' })), args: () => ['--timeout', '4'], step: 'publish', finding: 'publish-no-answer' },
  { name: 'a broker that drops messages and says nothing', start: () => plain(brokerThat({ delivers: false })), args: () => ['--timeout', '4'], step: 'receive', finding: 'message-lost', says: () => ['ACL'] },
  // Certificates.
  { name: 'an expired certificate', start: () => secure(brokerThat({}, certificates.expired)), args: ca, step: 'tls', finding: 'certificate-expired', says: () => ['2021-01-01'] },
  { name: 'a certificate for another host', start: () => secure(brokerThat({}, certificates.otherHost)), args: ca, step: 'tls', finding: 'certificate-wrong-host', says: () => ['other.example', 'localhost'] },
  { name: 'a self-signed certificate', start: () => secure(brokerThat({}, certificates.selfSigned)), step: 'tls', finding: 'certificate-self-signed', says: () => ['--ca'] },
  { name: 'an unknown authority', start: () => secure(brokerThat({}, good())), step: 'tls', finding: 'certificate-unknown-authority', says: () => ['Test Authority', '--ca'] },
  { name: 'an authority other than the one given', start: () => secure(brokerThat({}, good())), args: () => ['--ca', certificates.otherAuthority.certFile], step: 'tls', finding: 'certificate-unknown-authority' },
  { name: 'a client certificate is wanted, TLS 1.3', start: () => secure(brokerThat({}, wanting())), args: ca, step: 'tls', finding: 'client-certificate-required', says: () => ['--cert'] },
  { name: 'a client certificate is wanted, TLS 1.2', start: () => secure(brokerThat({}, { ...wanting(), maxVersion: 'TLSv1.2' })), args: ca, step: 'tls', finding: 'client-certificate-required' },
  {
    name: 'a client certificate that the server does not like and closes on', start: () => secure(brokerThat({}, wanting())), step: 'connect', finding: 'client-certificate-refused',
    args: () => [...ca(), '--cert', certificates.otherClient.certFile, '--key', certificates.otherClient.keyFile],
  },
  { name: 'TLS 1.1 only', start: () => secure(brokerThat({}, { ...good(), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })), args: ca, step: 'tls', finding: 'tls-version' },
  { name: 'no cipher in common', start: () => secure(brokerThat({}, { ...good(), maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })), args: ca, step: 'tls', finding: 'tls-cipher' },
  { name: 'a name that the TLS server does not know, alert 112', start: () => secure(serverThat((socket) => socket.once('data', () => socket.end(bytes('15 03 03 00 02 02 70'))))), step: 'tls', finding: 'tls-alert', says: () => ['unrecognized name'] },
  // The wrong port.
  { name: 'mqtts:// to a plain MQTT port', start: () => secure(brokerThat({})), step: 'tls', finding: 'tls-on-plain-port', says: (url) => [`mqtt://localhost:${portOf(url)}`] },
  { name: 'mqtt:// to a TLS port', start: () => plain(brokerThat({}, good())), step: 'connect', finding: 'plain-on-tls-port', says: (url) => [`mqtts://localhost:${portOf(url)}`] },
  { name: 'mqtt:// to an HTTP server', start: () => plain(webServer()), step: 'connect', finding: 'http-server', says: () => ['1883'] },
  { name: 'mqtts:// to an HTTP server', start: () => secure(webServer()), step: 'tls', finding: 'http-server' },
  { name: 'mqtts:// to an HTTPS server', start: () => secure(webServer(good())), args: ca, step: 'connect', finding: 'http-server' },
  { name: "mqtt:// to ActiveMQ's OpenWire port", start: () => plain(openWirePort()), step: 'connect', finding: 'openwire-port', says: () => ['ActiveMQ', 'OpenWire', 'mqtt://localhost:1883'] },
  { name: "mqtts:// to ActiveMQ's OpenWire port", start: () => secure(openWirePort()), step: 'tls', finding: 'openwire-port' },
  { name: 'mqtt:// to an AMQP port', start: () => plain(serverThat((socket) => socket.once('data', () => socket.end('AMQP\x00\x00\x09\x01')))), step: 'connect', finding: 'amqp-port' },
  { name: 'mqtt:// to an SSH server', start: () => plain(serverThat((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))), step: 'connect', finding: 'other-protocol', says: () => ['SSH-2.0-OpenSSH_9.2'] },
  { name: 'ws:// to a plain MQTT port', start: async () => `ws://localhost:${await brokerThat({})}/mqtt`, args: () => ['--timeout', '5'], web: true, step: 'connect', finding: 'mqtt-not-websocket' },
  { name: 'ws:// to an HTTP server', start: async () => `ws://localhost:${await webServer()}/mqtt`, web: true, step: 'connect', finding: 'websocket-refused', says: () => ['200'] },
  { name: 'wss:// to an HTTP server', start: async () => `wss://localhost:${await webServer()}/mqtt`, web: true, step: 'tls', finding: 'http-server' },
  { name: 'a refused port', start: async () => plain((await freePorts(1))[0]!), step: 'tcp', finding: 'tcp-refused', says: (url) => [portOf(url)] },
  // No MQTT, or not as it should be.
  { name: 'a server that accepts and says nothing', start: () => plain(serverThat(() => undefined)), args: () => ['--timeout', '3'], step: 'connect', finding: 'silent-server' },
  { name: 'the same, asked for TLS', start: () => secure(serverThat(() => undefined)), args: () => ['--timeout', '3'], step: 'tls', finding: 'silent-server' },
  { name: 'a server that closes right after CONNECT', start: () => plain(serverThat((socket) => socket.once('data', () => socket.end()))), step: 'connect', finding: 'closed-after-connect' },
  { name: 'a server that resets the connection on CONNECT', start: () => plain(serverThat((socket) => socket.once('data', () => socket.resetAndDestroy()))), step: 'connect', finding: 'closed-after-connect' },
  { name: 'a broker that closes on every CONNECT, behind good TLS', start: () => secure(brokerThat({ connack: () => 'close' }, good())), args: ca, step: 'connect', finding: 'closed-after-connect' },
  { name: 'a broker that breaks the protocol', start: () => plain(serverThat((socket) => socket.once('data', () => socket.write(bytes('20 03 00 00 ff'))))), step: 'connect', finding: 'protocol-broken' },
  { name: 'a CONNACK with reserved flags', start: () => plain(serverThat((socket) => socket.once('data', () => socket.write(bytes('20 03 02 00 00'))))), step: 'connect', finding: 'protocol-broken' },
  { name: 'a server that resets each connection at once', start: () => plain(serverThat((socket) => socket.resetAndDestroy())), step: 'connect', finding: 'closed-after-connect' },
  // Versions.
  { name: 'MQTT 5 refused with return code 1', start: () => plain(serverThat(oldBroker('20 02 00 01'))), step: 'connect', finding: 'mqtt5-refused', severity: 'warning', says: () => ['3.1.1'] },
  { name: 'MQTT 5 refused with CONNACK 132', start: () => plain(brokerThat({ connack: (v) => (v === 5 ? 0x84 : 0) })), step: 'connect', finding: 'mqtt5-refused', severity: 'warning', says: () => ['0x84'] },
  { name: 'MQTT 5 refused by closing', start: () => plain(brokerThat({ connack: (v) => (v === 5 ? 'close' : 0) })), step: 'connect', finding: 'mqtt5-closed', severity: 'warning', says: () => ['RabbitMQ'] },
  { name: 'MQTT 5 not answered', start: () => plain(brokerThat({ connack: (v) => (v === 5 ? 'silence' : 0) })), args: () => ['--timeout', '4'], step: 'connect', finding: 'mqtt5-no-answer', severity: 'warning' },
  { name: 'neither version taken', start: onlyFour(1), step: 'connect', finding: 'no-common-version' },
  // Refusals that are about the server, or this client.
  ...([
    [0x88, 'server-unavailable'], [0x89, 'server-busy'], [0x8a, 'banned'], [0x8c, 'bad-authentication-method'], [0x97, 'quota-exceeded'],
    [0x9f, 'rate-exceeded'], [0x85, 'client-id-rejected'], [0x80, 'refused'], [0x9c, 'use-another-server'],
  ] as const).map(([code, finding]): Case => ({ name: `CONNACK ${code}`, start: refusing(code), step: 'connect', finding, says: () => [`0x${code.toString(16)}`] })),
  { name: 'server unavailable in 3.1.1, return code 3', start: onlyFour(3), step: 'connect', finding: 'server-unavailable' },
  { name: 'client identifier rejected in 3.1.1, return code 2', start: onlyFour(2), args: () => ['--client-id', 'plant 4'], step: 'connect', finding: 'client-id-rejected', says: () => ['plant 4'] },
];

async function checkWords(
  lang: 'en' | 'zh', engine: EngineName, args: string[], env: NodeJS.ProcessEnv | undefined, step: StepName, finding: FindingId, says: string[],
): Promise<void> {
  const { stdout, stderr } = await run(engine, ['doctor', ...args, '--lang', lang], env);
  const { findings, steps, words } = TEXTS[lang];
  expect(stderr).toBe('');
  expect(stdout).toContain(steps[step]);
  expect(stdout).toMatch(new RegExp(`${words.cause}${words.colon}${pattern(findings[finding].cause).source}`));
  expect(stdout).toMatch(new RegExp(`${words.remedy}${words.colon}${pattern(findings[finding].remedy).source}`));
  if (lang === 'zh') expect(stdout).not.toMatch(/\p{Script=Han}[:;(]|[;)]\p{Script=Han}/u);
  for (const text of says) expect(stdout).toContain(text);
  expect(stdout).not.toContain(env?.['MQTT_PASSWORD'] ?? '***');
}

/** Answers CONNECT of MQTT 5 with this, in the form of 3.1.1, and serves 3.1.1 as far as a CONNACK. */
function oldBroker(refusal: string): (socket: Socket) => void {
  return (socket) => socket.on('data', (data: Buffer) => {
    if (data[0] === 0x10) socket.write(data.includes(bytes("'MQTT' 05")) ? bytes(refusal) : packetsOf(4).connack());
    if (data[0] === 0x82) socket.write(packetsOf(4).suback(data.readUInt16BE(2), [0x80]));
  });
}

// All cases of an engine run at the same time, and the variable that asks for it is the process's: so each of them asks for the same one.
describe.each(ENGINES)('%s', (engine) => {
  const cases = CASES.filter(({ web = false }) => !web || engine === 'js');
  it.concurrent.each(cases)('$name', async ({ start, args, env, step, finding, severity = 'problem', says, web = false }) => {
    const url = await start();
    const all = [url, ...(args?.() ?? [])];
    // The words are the same whichever engine serves, so they are looked at with one.
    const languages = engine === 'native' || web ? (['en', 'zh'] as const) : [];
    const inWords = languages.map((lang) => checkWords(lang, engine, all, env, step, finding, says?.(url) ?? []));
    const report = await runJson(engine, all, env);
    await Promise.all(inWords);
    const found = stepOf(report, step).findings.find(({ id }) => id === finding);
    const [name, status, ids] = [step, severity === 'problem' ? 'failed' : 'warning', expect.arrayContaining([finding])];
    expect(report.steps.map((one) => [one.name, one.status, one.findings.map(({ id }) => id)])).toContainEqual([name, status, ids]);
    expect([found?.severity, report.url, report.lang, report.format]).toEqual([severity, url, 'en', 1]);
    if (severity === 'problem') {
      // This is what is to be seen to first.
      expect(report.problems[0]).toBe(finding);
      expect([report.ok, report.exit]).toEqual([false, 1]);
    }
    for (const text of says?.(url) ?? []) expect(`${found!.cause} ${found!.remedy}`).toContain(text);
  });
});

describe('servers that other rooms have', () => {
  it.each(ENGINES)('mqtt:// to a WebSocket port, %s', async (engine) => {
    const server = await WebSocketServer.start();
    try {
      const url = server.url.replace('ws:', 'mqtt:');
      const report = await runJson(engine, [url]);
      expect(report.problems).toEqual(['websocket-port']);
      expect(stepOf(report, 'connect').findings[0]!.remedy).toContain(`ws://127.0.0.1:${portOf(url)}/mqtt`);
    } finally {
      await server.stop();
    }
  });

  it("a port that closes without a word is ActiveMQ's if it has OpenWire's number", () => {
    const ids = [61616, 1883].map((port) => {
      const step = new StepBuilder('connect');
      portFinding(step, { kind: 'closes', detail: '' }, parseUrl(`mqtt://broker.example:${port}`), 'plain');
      return step.findings.map(({ id, values }) => [id, values['url']]);
    });
    expect(ids).toEqual([[['openwire-port', 'mqtt://broker.example:1883']], []]);
  });

  it('a server that names another one does not have the password told', async () => {
    const reference = Buffer.concat([Buffer.from([0x1c]), field('mqtt://me:hunter2@elsewhere:1883')]);
    const url = await plain(brokerThat({ connack: () => 0x9d, connackProperties: reference }));
    const { stdout } = await run('native', ['doctor', url, '--username', 'me'], { MQTT_PASSWORD: 'hunter2' });
    expect(stdout).toContain('mqtt://me:***@elsewhere:1883');
    expect(stdout).not.toContain('hunter2');
  });

  it('what the server writes beside its refusal is told, without what it must not say and without control characters', async () => {
    const reason = Buffer.concat([Buffer.from([0x1f]), field('no \u001b[31mhunter2 for you')]);
    const url = await plain(brokerThat({ connack: () => 0x86, connackProperties: reason }));
    const { stdout } = await run('native', ['doctor', url, '--username', 'me'], { MQTT_PASSWORD: 'hunter2' });
    expect(stdout).toContain('[31m*** for you');
    expect(stdout).not.toContain('hunter2');
    expect(stdout).not.toContain('\u001b');
  });
});
