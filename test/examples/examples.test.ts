/**
 * Each program in examples/ is run as a user would run it, as a process of its own against a real broker, on both engines. What it prints
 * is compared line by line, and it has to end by itself, with code 0 and nothing on stderr.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import type { ChildEnd } from '../support/child.js';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { USERS } from '../support/mosquitto.js';
import { freePorts } from '../support/ports.js';
import { startMosquitto } from '../support/servers.js';
import { removeFolder } from '../support/temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../..');
const examples = path.join(root, 'examples');
const mosquitto = startMosquitto({ tls: true });
const withUsers = startMosquitto({ users: true });

function start(engine: EngineUnderTest, file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  return new Child(path.resolve(examples, file), args, [], { env: { ...env, MQTT_NATIVE_ENGINE: engine.name } });
}

/** What a run printed; it must have ended well. */
function printed(end: ChildEnd): string[] {
  expect(end.stderr).toBe('');
  expect([end.code, end.signal]).toEqual([0, null]);
  return end.lines;
}

async function run(engine: EngineUnderTest, file: string, args?: readonly string[], env?: NodeJS.ProcessEnv): Promise<string[]> {
  return printed(await start(engine, file, args ?? [mosquitto.broker.url], env).end());
}

/** Those whose output is the same each time. */
const SAME_EACH_TIME: Readonly<Record<string, readonly string[]>> = {
  'subscribe.mjs': [
    'subscribed at QoS 1',
    'examples/subscribe/kitchen/temperature: 21.5',
    'examples/subscribe/cellar/temperature: 12.0',
    'examples/subscribe/attic/temperature: 27.3',
  ],
  'routes.mjs': [
    'thermometer: examples/routes/hall/temperature is 19.0',
    'door: examples/routes/hall/door is open',
    'end: that was all',
  ],
  'will-and-retain.mjs': ['the device is online', 'the device is offline', 'a latecomer learns: offline (retained)'],
  'worker-threads.mjs': [
    'examples/worker-threads/1: 500000500000',
    'examples/worker-threads/2: 2000001000000',
    'examples/worker-threads/3: 4500001500000',
    'the workers ended with 0, 0, 0',
  ],
};

let compiled: string;
beforeAll(async () => {
  // Below the repository, so that the example finds the package by its name.
  fs.mkdirSync(path.join(root, 'build/examples'), { recursive: true });
  compiled = fs.mkdtempSync(path.join(root, 'build/examples/typescript-'));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', path.join(examples, 'typescript'), '--outDir', compiled]);
});
afterAll(() => removeFolder(compiled));

forEachEngine((engine) => {
  for (const [file, lines] of Object.entries(SAME_EACH_TIME)) {
    engine.case(file, async () => {
      expect(await run(engine, file)).toEqual(lines);
    });
  }

  engine.case('publish.mjs: the messages arrive, each with its QoS', async () => {
    const witness = await engine.connected(mosquitto.broker.url);
    const messages = messagesOf(witness);
    await witness.subscribe('examples/publish', { qos: 2 });
    expect(await run(engine, 'publish.mjs')).toEqual(['QoS 0: written', 'QoS 1: the server has it', 'QoS 2: the server has it']);
    const came = (await messages.take(3)).map((message) => `${message.qos} ${message.text()}`);
    expect(came.sort()).toEqual(['0 sent at QoS 0', '1 sent at QoS 1', '2 sent at QoS 2']);
  });

  engine.case('tls-client-certificate.mjs: with certificates from files, the key encrypted', async () => {
    const { authority, client, encryptedClientKeyFile, passphrase } = mosquitto.broker.certificates!;
    const args = [mosquitto.broker.clientCertificateUrl, authority.certFile, client.certFile, encryptedClientKeyFile];
    expect(await run(engine, 'tls-client-certificate.mjs', args, { KEY_PASSPHRASE: passphrase })).toEqual([
      'connected: each side has checked the certificate of the other', 'published',
    ]);
  });

  engine.case('tls-client-certificate.mjs: a server of another authority is told by its code', async () => {
    const { otherAuthority, client } = mosquitto.broker.certificates!;
    const end = await start(engine, 'tls-client-certificate.mjs', [
      mosquitto.broker.clientCertificateUrl, otherAuthority.certFile, client.certFile, client.keyFile,
    ]).end();
    expect(end.lines).toEqual([expect.stringMatching(/^ERR_MQTT_TLS: /)]);
    expect(end.code).toBe(1);
  });

  engine.case('offline-queue.mjs: started before the broker', async () => {
    await mosquitto.broker.shutDown();
    const child = start(engine, 'offline-queue.mjs', [mosquitto.broker.url]);
    try {
      await child.printed('no connection; attempt 2 follows');
    } finally {
      await mosquitto.broker.restart();
    }
    const lines = printed(await child.end());
    expect(lines.slice(0, 2)).toEqual(['5 readings wait', 'no connection; attempt 1 follows']);
    expect(lines.filter((line) => !line.startsWith('no connection'))).toEqual([
      '5 readings wait', 'connected', ...[1, 2, 3, 4, 5].map((reading) => `the server has reading ${reading}`),
    ]);
  });

  engine.case('back-pressure.mjs: every message is read, in order, and the writer had to wait', async () => {
    const lines = (await run(engine, 'back-pressure.mjs')).sort();
    expect(lines).toEqual(['read 500, in order', expect.stringMatching(/^wrote 500, waited for 'drain' [1-9]\d* times$/)]);
  });

  engine.case('manual-ack.mjs: what is no order is refused with a reason code', async () => {
    const { log } = mosquitto.broker;
    const lines = await run(engine, 'manual-ack.mjs');
    // An order is acknowledged long before it has left, so the second one does not wait for the first.
    expect(lines).toEqual(['order 1 is stored', 'no JSON: two teas, please', 'order 2 is stored', 'order 1 has left', 'order 2 has left']);
    expect(mosquitto.broker.log.slice(log.length).match(/Received PUBACK .*RC:\d+/g)?.map((line) => line.split('RC:')[1])).toEqual(['0', '153', '0']);
  });

  engine.case('shared-subscription.mjs: each job is done once', async () => {
    const lines = await run(engine, 'shared-subscription.mjs');
    const jobs = lines.map((line) => /^(?:ann|bob|eve) did (\d+) jobs$/.exec(line)?.[1]);
    expect(jobs.length).toBeGreaterThan(1);
    expect(jobs.reduce((sum, count) => sum + Number(count), 0)).toBe(12);
  });

  engine.case('credentials-that-expire.mjs: refused once, then let in', async () => {
    const env = { MQTT_USERNAME: 'admin', MQTT_PASSWORD: USERS.admin };
    expect(await run(engine, 'credentials-that-expire.mjs', [withUsers.broker.usersUrl], env)).toEqual([
      'credentials are asked for', 'refused; next attempt follows', 'credentials are asked for', 'connected',
    ]);
  });

  engine.case('several-servers.mjs: the first is not there', async () => {
    const [port] = await freePorts(1);
    expect(await run(engine, 'several-servers.mjs', [`mqtt://127.0.0.1:${port}`, mosquitto.broker.url])).toEqual([
      `connected to ${mosquitto.broker.url}`, 'published after 2 attempts',
    ]);
  });

  engine.case('commonjs.cjs', async () => {
    expect(await run(engine, 'commonjs.cjs')).toEqual([`connected with the ${engine.name} engine`, 'received hello']);
  });

  engine.case('typescript/telemetry.mts: type-checked, compiled and run', async () => {
    expect(await run(engine, path.join(compiled, 'telemetry.mjs'))).toEqual([
      'boiler: 61.5 °C at QoS 1', 'refused before anything was sent: ERR_MQTT_TOPIC', 'disconnected: ERR_MQTT_CLOSED',
    ]);
  });
});

it('examples/README.md lists every example, docs/examples.md shows it, and this file runs it', () => {
  const files = fs.readdirSync(examples, { recursive: true, encoding: 'utf8' }).map((file) => file.split(path.sep).join('/'));
  const programs = files.filter((file) => /\.(mjs|cjs|mts)$/.test(file));
  const readme = fs.readFileSync(path.join(examples, 'README.md'), 'utf8');
  const listed = [...readme.matchAll(/^\| \[([^\]]+)\]\(\1\) \|/gm)].map(([, file]) => file);
  expect(listed.filter((file) => !file!.startsWith('c/')).sort()).toEqual(programs.sort());
  const shown = fs.readFileSync(path.join(root, 'docs/examples.md'), 'utf8').matchAll(/^\{@includeCode \.\.\/examples\/(.+)\}$/gm);
  expect([...shown].map(([, file]) => file).sort()).toEqual(programs);
  const self = fs.readFileSync(import.meta.filename, 'utf8');
  expect(programs.filter((file) => !self.includes(`'${file}`))).toEqual([]);
});
