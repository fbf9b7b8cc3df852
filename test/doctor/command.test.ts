/**
 * The command itself: what it does not understand is exit code 2 and says so in the user's language, what is secret is in no output, the
 * time is bounded, and it runs from dist/ alone, as a process of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askPassword } from '../../dist/doctor/password.js';
import { Child } from '../support/child.js';
import { freePorts } from '../support/ports.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';
import { run, runJson, stepOf } from './run.js';
import { brokerThat, serverThat, stopServersAfterAll } from './servers.js';

const root = path.resolve(import.meta.dirname, '../..');
const cli = path.join(root, 'dist/cli.js');
stopServersAfterAll();

describe('usage', () => {
  const WRONG: [name: string, args: string[], says: RegExp][] = [
    ['no command', [], /A command is missing/],
    ['another command', ['docter'], /no command "docter"/],
    ['a URL without the command', ['mqtt://me:hunter2@localhost'], /A command is missing: mqtt-native doctor/],
    ['an option that does not exist', ['doctor', '--verbose'], /no option --verbose/],
    ['a password', ['doctor', 'mqtt://localhost', '--username', 'me', '--password', 'hunter2'], /never taken from the command line/],
    ['a password with =', ['doctor', 'mqtt://localhost', '--password=hunter2'], /never taken from the command line/],
    ['a short option with a password', ['doctor', 'mqtt://localhost', '-Phunter2'], /never taken from the command line/],
    ['two URLs', ['doctor', 'mqtt://localhost', 'hunter2'], /More than one URL/],
    ['an option without its value', ['doctor', 'mqtt://localhost', '--username'], /--username needs a value/],
    ['a value for a switch', ['doctor', '--json=hunter2'], /--json takes no value/],
    ['an option that wants a URL', ['doctor', '--topic', 't'], /--topic needs a URL/],
    ['an option that wants TLS', ['doctor', 'mqtt://localhost', '--ca', 'x.pem'], /--ca needs a URL with TLS/],
    ['a certificate without its key', ['doctor', 'mqtts://localhost', '--cert', 'x.pem'], /needed together/],
    ['a file that is not there', ['doctor', 'mqtts://localhost', '--ca', '/nowhere/x.pem'], /tls\.ca: cannot read the file \(ENOENT\)/],
    ['a URL that is none', ['doctor', 'user:hunter2@host'], /url: /],
    ['another scheme', ['doctor', 'https://me:hunter2@localhost'], /unknown scheme/],
    ['a wildcard', ['doctor', 'mqtt://localhost', '--topic', 'a/#'], /without wildcards/],
    ['a language that is not there', ['doctor', '--lang', 'de'], /en or zh/],
    ['no time at all', ['doctor', '--timeout', '0'], /from 1 to 3600/],
  ];
  it.each(WRONG)('%s: exit code 2, nothing is printed but why, and no secret', async (_, args, says) => {
    const { code, stdout, stderr } = await run(undefined, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain('hunter2');
  });

  it('complaints are in the language asked for, or that of the surroundings', async () => {
    const asked = await run(undefined, ['doctor', '--verbose', '--lang', 'zh']);
    const surrounded = await run(undefined, ['doctor', '--verbose'], { LC_ALL: 'zh_CN.UTF-8' });
    expect([asked.stderr, surrounded.stderr]).toEqual(Array(2).fill(expect.stringContaining('没有选项 --verbose')));
  });

  it('--help and --version', async () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await run(undefined, ['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const [en, zh] = await Promise.all([run(undefined, ['doctor', '--help']), run(undefined, ['--help', '--lang', 'zh'])]);
    expect([en.code, zh.code]).toEqual([0, 0]);
    const options = ['--username', '--ask-password', '--ca', '--cert', '--key', '--insecure', '--client-id', '--topic', '--timeout', '--lang', '--json'];
    for (const option of options) for (const { stdout } of [en, zh]) expect(stdout).toContain(option);
    expect(zh.stdout).toContain('用法');
  });
});

describe('without a URL', () => {
  it('this machine and its engines, and nothing about a server', async () => {
    const report = await runJson(undefined, []);
    expect(report.steps.map(({ name }) => name)).toEqual(['host', 'engine']);
    expect([report.url, report.exit]).toEqual([null, 0]);
    expect(stepOf(report, 'host').facts).toMatchObject({ platform: `${process.platform} ${process.arch}`, runtime: `node ${process.versions.node}` });
    const { facts } = stepOf(report, 'engine');
    expect(facts).toMatchObject({ native: true, paho: '1.3.16', nodeOpenssl: process.versions.openssl });
    for (const name of ['package', 'file', 'core', 'libuv', 'openssl', 'mqttjs']) expect(facts[name]).toEqual(expect.stringMatching(/\S/));
  });

  it('MQTT_NATIVE_ENGINE with a value that does not exist', async () => {
    const report = await runJson(undefined, [], { MQTT_NATIVE_ENGINE: 'paho' });
    expect([report.problems, report.exit]).toEqual([['engine-variable'], 1]);
  });
});

describe('secrets', () => {
  const secret = 'hunter2';

  it('a password and a user name in the URL, a password in the environment, and a query are nowhere', async () => {
    const port = await brokerThat({ connack: () => 0x86 });
    const texts = await Promise.all([
      run('native', ['doctor', `mqtt://tom-o:${secret}@localhost:${port}`]),
      run('js', ['doctor', `mqtt://tom-o:${secret}@localhost:${port}`, '--json']),
      run('native', ['doctor', `mqtt://localhost:${port}`, '--username', 'tom-o', '--json'], { MQTT_PASSWORD: secret }),
      run(undefined, ['doctor', `ws://localhost:${port}/mqtt?token=${secret}`, '--timeout', '3']),
    ]);
    expect(texts.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
    for (const { stdout, stderr } of texts) {
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toContain('tom-o');
    }
    expect(texts[0].stdout).toContain('password-in-url');
  });

  it('--ask-password without an answer ends it before anything is sent: exit code 2', async () => {
    const [nobody] = await freePorts(1);
    const { code, stdout, stderr } = await run('native', ['doctor', `mqtt://localhost:${nobody}`, '--username', 'me', '--ask-password']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^mqtt-native: No password was given\.\n/);
  });

  it('--ask-password at a terminal shows nothing of what is typed, takes corrections, and Ctrl+C is no password', async () => {
    const answers = [];
    for (const keys of ['hux\u007fnter2\r', 'hunter2\u0003']) {
      const raw: boolean[] = [];
      const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
      const output = new PassThrough();
      const asked = askPassword(input, output, 'Password: ');
      input.write(keys);
      answers.push([await asked, raw, String(output.read())]);
    }
    expect(answers).toEqual([['hunter2', [true, false], 'Password: \n'], [undefined, [true, false], 'Password: \n']]);
  });

  it('--ask-password reads the first line, without its end', async () => {
    const seen: Buffer[] = [];
    const port = await serverThat((socket) => socket.on('data', (data: Buffer) => { seen.push(data); socket.end(); }));
    const { stdout } = await run('native', ['doctor', `mqtt://localhost:${port}`, '--username', 'me', '--ask-password'], { MQTT_PASSWORD: 'other' }, `${secret}\r\nmore\n`);
    expect(seen[0]!.toString('latin1')).toContain(`\u0000\u0007${secret}`);
    expect(seen[0]!.toString('latin1').endsWith(secret)).toBe(true);
    expect(stdout).not.toContain(secret);
  });

  it('MQTT_PASSWORD is sent to nobody without a user name', async () => {
    const seen: Buffer[] = [];
    const port = await serverThat((socket) => socket.on('data', (data: Buffer) => { seen.push(data); socket.end(); }));
    await run('native', ['doctor', `mqtt://localhost:${port}`], { MQTT_PASSWORD: secret });
    expect(seen.length).toBeGreaterThan(0);
    expect(Buffer.concat(seen).toString('latin1')).not.toContain(secret);
  });
});

describe('as a process', () => {
  let folder: string;
  /** The package as it is published: dist/ and package.json, with what it depends on, and no addon. */
  let packed: string;
  beforeAll(() => {
    folder = makeTemporaryFolder('doctor');
    packed = path.join(folder, 'node_modules/mqtt-native');
    fs.cpSync(path.join(root, 'dist'), path.join(packed, 'dist'), { recursive: true });
    fs.copyFileSync(path.join(root, 'package.json'), path.join(packed, 'package.json'));
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(packed, 'node_modules'), 'junction');
  });
  afterAll(() => removeFolder(folder));

  const started = (file: string, args: string[], env: NodeJS.ProcessEnv = {}): Child => new Child(file, args, [], { cwd: folder, env: { LC_ALL: 'C', MQTT_NATIVE_ENGINE: '', ...env } });

  it('package.json names it, and it begins as a program does', () => {
    const { bin } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
    expect(bin).toEqual({ 'mqtt-native': './dist/cli.js' });
    expect(fs.readFileSync(cli, 'utf8').split('\n', 1)[0]).toBe('#!/usr/bin/env node');
  });

  it('exit codes: 0 for a good broker, 1 for a refused port, 2 for nonsense', async () => {
    const good = `mqtt://localhost:${await brokerThat({})}`;
    const bad = `mqtt://localhost:${(await freePorts(1))[0]}`;
    const ends = await Promise.all([[good], [bad], ['--nonsense']].map((args) => started(cli, ['doctor', ...args]).end()));
    expect(ends.map(({ code, signal }) => [code, signal])).toEqual([[0, null], [1, null], [2, null]]);
    expect(ends[0]!.lines.at(-1)).toBe('Result: no problem was found.');
    expect(ends[1]!.lines.at(-1)).toBe('Result: 1 problem(s): tcp-refused');
  });

  it('whoever reads its output may stop at any time: that is no crash', async () => {
    const child = spawn(process.execPath, [cli, 'doctor'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let complaints = '';
    child.stderr.on('data', (data: Buffer) => { complaints += data.toString(); });
    const [code] = await once(child, 'close') as [number | null];
    expect([code, complaints]).toEqual([0, '']);
  });

  it.skipIf(!fs.existsSync('/dev/full'))('a report that could not be written is exit code 1 [Linux: needs /dev/full]', async () => {
    const full = fs.openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [cli, 'doctor'], { stdio: ['ignore', full, 'pipe'] });
    fs.closeSync(full);
    let complaints = '';
    child.stderr!.on('data', (data: Buffer) => { complaints += data.toString(); });
    const [code] = await once(child, 'close') as [number | null];
    expect([code, complaints]).toEqual([1, expect.stringMatching(/^mqtt-native: ENOSPC.*\n$/)]);
  });

  it('the packed package without an addon: js serves, and why native does not is told', async () => {
    const url = `mqtt://localhost:${await brokerThat({})}`;
    const { code, lines } = await started(path.join(packed, 'dist/cli.js'), ['doctor', url, '--json', '--lang', 'zh']).end();
    const report = JSON.parse(lines.join('\n')) as Awaited<ReturnType<typeof runJson>>;
    expect([code, stepOf(report, 'engine').status, stepOf(report, 'connect').facts['engine']]).toEqual([0, 'warning', 'js']);
    expect(stepOf(report, 'engine').findings.map(({ id }) => id)).toEqual(['native-missing']);
    expect(stepOf(report, 'engine').facts['attempts']).toEqual([{ engine: 'native', file: expect.any(String), error: expect.any(String) }]);
  });

  it('an addon that is broken, and one that may not be loaded', async () => {
    const addon = path.join(packed, 'build/Release/mqtt_native.node');
    fs.mkdirSync(path.dirname(addon), { recursive: true });
    fs.writeFileSync(addon, 'not an addon');
    const broken = await started(path.join(packed, 'dist/cli.js'), ['doctor', '--json']).end();
    const barred = await new Child(cli, ['doctor', '--json'], ['--no-addons'], { cwd: folder, env: { LC_ALL: 'C', MQTT_NATIVE_ENGINE: '' } }).end();
    fs.rmSync(path.join(packed, 'build'), { recursive: true });
    const idsOf = ({ lines }: { lines: string[] }) => stepOf(JSON.parse(lines.join('\n')) as Awaited<ReturnType<typeof runJson>>, 'engine').findings.map(({ id }) => id);
    expect([idsOf(broken), idsOf(barred)]).toEqual([['native-wrong-file'], ['native-disabled']]);
    expect([broken.code, barred.code]).toEqual([0, 0]);
  });

  it('an unknown host name', async () => {
    const { code, lines } = await started(cli, ['doctor', 'mqtt://no-such-host.invalid', '--json', '--timeout', '20']).end();
    const report = JSON.parse(lines.join('\n')) as Awaited<ReturnType<typeof runJson>>;
    // Without a network no server answers: then that is what there is to tell.
    expect(['dns-not-found', 'dns-no-answer']).toContain(report.problems[0]);
    expect([code, stepOf(report, 'connect').because]).toEqual([1, 'dns']);
  });

  // It ends within the test's own time; how long it takes is nothing to assert on.
  it('--timeout ends it, with a report, whatever the server does', async () => {
    const port = await brokerThat({ connack: () => 0, delivers: false, puback: 'silence', suback: 1 });
    const silent = await serverThat(() => undefined);
    const reports = await Promise.all([port, silent].map((number) => runJson('native', [`mqtt://localhost:${number}`, '--timeout', '2'])));
    expect(reports.map(({ exit }) => exit)).toEqual([1, 1]);
    expect(reports[0]!.problems).toEqual(['publish-no-answer']);
    expect(reports[1]!.problems).toEqual(['silent-server']);
  });
});
