/**
 * All code in the guides and the README is run against a real broker, on both engines, or type-checked where it is only a piece. What a
 * guide says a program prints is what it prints.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { forEachEngine } from '../support/engines.js';
import { USERS } from '../support/mosquitto.js';
import { freePorts } from '../support/ports.js';
import { startMosquitto } from '../support/servers.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';
import { blocksOf, guides, program, root } from './blocks.js';
import type { Hosts } from './blocks.js';

const mosquitto = startMosquitto({ tls: true });
const withUsers = startMosquitto({ users: true });
const blocks = guides().flatMap(blocksOf);

/** Holds what the guides read as files. */
let folder: string;
/** Below the repository, so that the programs find the package by its name. */
let build: string;
let hosts: Hosts;

beforeAll(async () => {
  const { broker } = mosquitto;
  const { authority, client } = broker.certificates!;
  folder = makeTemporaryFolder('guides');
  fs.copyFileSync(authority.certFile, path.join(folder, 'ca.pem'));
  fs.copyFileSync(client.certFile, path.join(folder, 'client.pem'));
  fs.copyFileSync(client.keyFile, path.join(folder, 'client.key'));
  fs.mkdirSync(path.join(root, 'build'), { recursive: true });
  build = fs.mkdtempSync(path.join(root, 'build/guides-'));
  const [nobody] = await freePorts(1);
  hosts = {
    'mqtt://broker.example': broker.url,
    'mqtt://second.example': broker.url,
    'mqtt://users.example': withUsers.broker.usersUrl,
    'mqtt://down.example': `mqtt://127.0.0.1:${nobody}`,
    'mqtts://broker.example': broker.tlsUrl,
    'mqtts://plant.example': broker.clientCertificateUrl,
    'ws://broker.example': broker.websocketUrl,
  };
});
afterAll(() => {
  removeFolder(folder);
  removeFolder(build);
});

forEachEngine((engine) => {
  blocks.filter(({ language }) => language === 'js').forEach((block, index) => {
    engine.case(`${block.file}:${block.line}`, async () => {
      const file = path.join(build, `${engine.name}-${index}.mjs`);
      fs.writeFileSync(file, program(block, hosts));
      const env = {
        MQTT_NATIVE_ENGINE: engine.name,
        MQTT_PASSWORD: USERS.admin,
        // The server of the tests is trusted as one of the world's: a guide need not name its authority.
        NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
      };
      const end = await new Child(file, [], [], { cwd: folder, env }).end();
      expect(end.stderr).toBe('');
      expect([end.code, end.signal]).toEqual([0, null]);
      if (block.output !== undefined) expect(end.lines).toEqual(block.output);
    });
  });
});

it('pieces of TypeScript are type-checked', async () => {
  const pieces = blocks.filter(({ language }) => language === 'ts');
  expect(pieces.length).toBeGreaterThan(0);
  const names = new Map(pieces.map((block, index) => [`piece-${index}.mts`, block]));
  for (const [name, { code }] of names) {
    const importing = code.includes("from 'mqtt-native'") ? '' : "import { Client, connect, MqttError } from 'mqtt-native';\n";
    const declaring = code.includes('const client') ? '' : 'declare const client: import("mqtt-native").Client;\n';
    fs.writeFileSync(path.join(build, name), `${importing}${declaring}${code}\nexport {};\n`);
  }
  const options = '--noEmit --strict --target es2022 --module node16 --lib es2023,esnext.disposable --types node'.split(' ');
  const args = [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, ...names.keys()];
  const tsc = promisify(execFile)(process.execPath, args, { cwd: build });
  const { stdout } = await tsc.catch((error: unknown) => error as { stdout: string });
  const said = stdout.replace(/^(piece-\d+\.mts)/gm, (name) => `${names.get(name)!.file}:${names.get(name)!.line} (${name})`);
  expect(said).toBe('');
});

it('every guide is linked from the README', () => {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const files = guides().filter((file) => /^docs\/(guides\/|migrating)/.test(file));
  expect(files.length).toBeGreaterThan(7);
  expect(files.filter((file) => !readme.includes(`(${file})`))).toEqual([]);
});
