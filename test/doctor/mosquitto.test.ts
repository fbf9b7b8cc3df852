/**
 * doctor against a real Mosquitto: all is well where it should be, on both engines, with TLS and WebSocket; a wrong password, an ACL, a
 * client certificate that is missing or of somebody else, and its WebSocket port taken for MQTT are told for what they are.
 */
import { describe, expect, it } from 'vitest';
import { ENGINES } from '../support/engines.js';
import { USERS } from '../support/mosquitto.js';
import { startMosquitto } from '../support/servers.js';
import { run, runJson, stepOf } from './run.js';

const mosquitto = startMosquitto({ tls: true, users: true });
const guest = { MQTT_PASSWORD: USERS.guest };
const certificates = () => mosquitto.broker.certificates!;
const ca = (): string[] => ['--ca', certificates().authority.certFile];
const pair = (name: 'client' | 'otherClient'): string[] => ['--cert', certificates()[name].certFile, '--key', certificates()[name].keyFile];

describe.each(ENGINES)('%s', (engine) => {
  it('a good broker: every step is fine, and the exit code is 0', async () => {
    const report = await runJson(engine, [mosquitto.broker.url]);
    expect(report.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'host ok', 'engine ok', 'dns ok', 'tcp ok', 'proxy ok', 'tls skipped', 'connect ok', 'subscribe ok', 'publish ok', 'receive ok',
    ]);
    expect(stepOf(report, 'connect').facts).toMatchObject({ engine, mqtt: '5' });
    expect([report.ok, report.problems, report.exit]).toEqual([true, [], 0]);
  });

  it('TLS: the chain with names and dates, protocol and cipher', async () => {
    const report = await runJson(engine, [mosquitto.broker.tlsUrl, ...ca()]);
    const { facts, status } = stepOf(report, 'tls');
    expect([status, report.exit]).toEqual(['ok', 0]);
    expect(facts).toMatchObject({ protocol: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), verification: 'ok', serverName: 'localhost' });
    const [leaf, root] = facts['chain'] as Record<string, unknown>[];
    expect(leaf).toMatchObject({ subject: 'CN=localhost', issuer: 'CN=Test Authority', names: ['localhost', '127.0.0.1', '0:0:0:0:0:0:0:1'] });
    expect(root).toMatchObject({ subject: 'CN=Test Authority', issuer: 'CN=Test Authority' });
    expect(Date.parse(leaf!['to'] as string) - Date.parse(leaf!['from'] as string)).toBe(30 * 86_400_000);
  });

  it('a wrong password', async () => {
    const report = await runJson(engine, [mosquitto.broker.usersUrl, '--username', 'guest'], { MQTT_PASSWORD: 'not this one' });
    expect([report.problems, stepOf(report, 'connect').facts['reasonCode'], report.exit]).toEqual([['not-authorized'], 0x87, 1]);
    expect(stepOf(report, 'connect').findings[0]!.cause).toContain('user name or password is wrong');
  });

  it('no password where one is wanted', async () => {
    expect((await runJson(engine, [mosquitto.broker.usersUrl])).problems).toEqual(['credentials-missing']);
  });

  it('an ACL that does not let the user publish', async () => {
    const report = await runJson(engine, [mosquitto.broker.usersUrl, '--username', 'guest'], guest);
    expect(report.problems).toEqual(['publish-denied']);
    expect(stepOf(report, 'publish').findings[0]!.values['topic']).toMatch(/^mqtt-native\/doctor\/[0-9a-f]{16}$/);
  });

  it('a topic that the ACL does allow', async () => {
    const report = await runJson(engine, [mosquitto.broker.usersUrl, '--username', 'guest', '--topic', 'open/probe'], guest);
    expect([report.problems, report.exit]).toEqual([[], 0]);
  });

  it('a client certificate: missing, of another authority, good', async () => {
    const url = mosquitto.broker.clientCertificateUrl;
    const reports = await Promise.all([[], pair('otherClient'), pair('client')].map((args) => runJson(engine, [url, ...ca(), ...args])));
    expect(reports.map(({ problems, exit }) => [problems[0], exit])).toEqual([
      ['client-certificate-required', 1], ['client-certificate-refused', 1], [undefined, 0],
    ]);
  });

  it('--insecure: what is wrong with the certificate is a warning, and the rest is seen', async () => {
    const report = await runJson(engine, [mosquitto.broker.tlsUrl, '--insecure']);
    const { status, findings } = stepOf(report, 'tls');
    expect([status, findings.map(({ id }) => id).slice(0, 1), report.exit]).toEqual(['warning', ['certificate-unknown-authority'], 0]);
    expect(findings.map(({ id }) => id)).toContain('verification-off');
  });

  it('its WebSocket port, taken for MQTT', async () => {
    const report = await runJson(engine, [mosquitto.broker.websocketUrl.replace('ws:', 'mqtt:')]);
    expect(report.problems).toEqual(['websocket-port']);
  });

  it('its TLS port without TLS, and its plain port with', async () => {
    const { broker } = mosquitto;
    const [bare, wrapped] = await Promise.all([
      runJson(engine, [`mqtt://localhost:${broker.port('tls')}`]), runJson(engine, [`mqtts://127.0.0.1:${broker.port('plain')}`]),
    ]);
    expect([bare.problems, wrapped.problems]).toEqual([['plain-on-tls-port'], ['tls-on-plain-port']]);
  });
});

it('ws:// and wss:// are served by the js engine', async () => {
  const [bare, wrapped] = await Promise.all([
    runJson(undefined, [mosquitto.broker.websocketUrl]), runJson(undefined, [mosquitto.broker.websocketTlsUrl, ...ca()]),
  ]);
  expect([bare.exit, stepOf(bare, 'connect').facts['engine']]).toEqual([0, 'js']);
  expect([wrapped.exit, stepOf(wrapped, 'tls').status]).toEqual([0, 'ok']);
});

it('ws:// with the native engine asked for: that is what is wrong', async () => {
  const report = await runJson('native', [mosquitto.broker.websocketUrl]);
  expect([report.problems, stepOf(report, 'connect').status]).toEqual([['engine-asked-for'], 'failed']);
});

it('proxy variables are named without their password, and not used', async () => {
  const env = { HTTPS_PROXY: 'http://me:pw-of-proxy@proxy.example:3128', no_proxy: 'localhost' };
  const { stdout, code } = await run(undefined, ['doctor', mosquitto.broker.url], env);
  expect(stdout).toContain('HTTPS_PROXY=http://proxy.example:3128');
  expect(stdout).not.toContain('pw-of-proxy');
  expect(stdout).toContain('proxy-not-used');
  expect(code).toBe(0);
});
