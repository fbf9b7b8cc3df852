/**
 * A real Mosquitto for MQTT 5 and 3.1.1, started on free ports for one test file and stopped at its end. Every kind of listener a test
 * needs is there from the start, so that one broker serves a whole file.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { AnyMosquitto, USERS } from './any-mosquitto.js';
import type { Listener, MosquittoOptions } from './any-mosquitto.js';
import { Certificates } from './certificates.js';
import { accepts, freePorts } from './ports.js';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.js';
import { withSafetyNet } from './waiting.js';

export { USERS };
export type { MosquittoOptions };

const ACL = `user admin
topic readwrite #
user guest
topic readwrite open/#
topic read readable/#
user bytes
topic readwrite #
`;

const PLACES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/usr/local/opt/mosquitto/sbin', '/usr/bin', '/usr/local/bin'];

/** The broker's program. */
export function findMosquitto(): string {
  const folders = [...PLACES, ...(process.env['PATH'] ?? '').split(path.delimiter)];
  const names = process.platform === 'win32' ? ['mosquitto.exe'] : ['mosquitto'];
  for (const folder of folders) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (fs.existsSync(file)) {
        return file;
      }
    }
  }
  throw new Error('these tests need the Mosquitto broker, and it was not found: install the package `mosquitto` (Debian, Ubuntu, Fedora, Homebrew: mosquitto)');
}

/** ms until a broker that does not listen is given up. */
const START_LIMIT = 8_000;

/**
 * A line of a password file, as mosquitto_passwd writes it: PBKDF2 with SHA-512. The program itself takes no password of arbitrary bytes.
 */
function passwordLine(user: string, password: string | Uint8Array): string {
  const salt = crypto.randomBytes(12);
  const hash = crypto.pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

export class Mosquitto extends AnyMosquitto {
  readonly folder: string;
  readonly certificates: Certificates | undefined;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  private constructor(private readonly options: MosquittoOptions) {
    super();
    this.folder = makeTemporaryFolder('mosquitto');
    this.certificates = options.tls === true ? new Certificates() : undefined;
    if (options.users === true) {
      fs.writeFileSync(path.join(this.folder, 'passwords'), Object.entries(USERS).map(([user, password]) => passwordLine(user, password)).join(''), { mode: 0o600 });
      fs.writeFileSync(path.join(this.folder, 'acl'), ACL, { mode: 0o600 });
    }
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(options);
    for (let attempt = 1; ; attempt += 1) {
      await broker.#choosePorts();
      try {
        await broker.#launch();
        return broker;
      } catch (error) {
        // Between looking for a free port and listening on it somebody else may have taken it.
        if (attempt >= 5 || !broker.log.includes('Address already in use')) {
          await broker.stop();
          throw error;
        }
        broker.log = '';
      }
    }
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  async shutDown(): Promise<void> {
    this.thaw();
    this.#process?.kill('SIGTERM');
    await withSafetyNet('the end of Mosquitto', this.#exited);
  }

  async restart(): Promise<void> {
    await this.#launch();
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill();
    this.certificates?.remove();
    removeFolder(this.folder);
  }

  async #choosePorts(): Promise<void> {
    const { users = false, tls = false } = this.options;
    const listeners: Listener[] = ['plain', 'websocket', ...(users ? ['users'] as const : []), ...(tls ? ['tls', 'clientCertificate', 'websocketTls'] as const : [])];
    const ports = await freePorts(listeners.length);
    this.ports = Object.fromEntries(listeners.map((listener, index) => [listener, ports[index]]));
    fs.writeFileSync(path.join(this.folder, 'mosquitto.conf'), this.#configuration().join('\n'));
  }

  #configuration(): string[] {
    const lines = [
      // See MosquittoOptions.users: only where it is asked for.
      ...(this.options.users === true ? ['per_listener_settings true'] : []),
      // Started by root it would become the user mosquitto, who cannot read the files here.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      'log_dest stderr', 'log_type all', 'connection_messages true',
      'persistence true', `persistence_location ${this.folder}/`,
      ...(this.options.durable === true ? ['autosave_on_changes true', 'autosave_interval 1'] : []),
      'set_tcp_nodelay true', 'max_queued_messages 100000', 'sys_interval 0',
      // Mosquitto 2.0.11 acknowledges more messages of QoS 2 than this from a client of 3.1.1 and then forgets them, whichever client it
      // is.
      'max_inflight_messages 200',
      `listener ${this.port('plain')} 127.0.0.1`, 'allow_anonymous true',
      `listener ${this.port('websocket')} 127.0.0.1`, 'protocol websockets', 'allow_anonymous true',
    ];
    if (this.options.users === true) {
      lines.push(`listener ${this.port('users')} 127.0.0.1`, 'allow_anonymous false',
        `password_file ${path.join(this.folder, 'passwords')}`, `acl_file ${path.join(this.folder, 'acl')}`);
    }
    if (this.certificates !== undefined) {
      const { authority, server } = this.certificates;
      // The listener of WebSockets takes an address only, the others also a name.
      const secured = (listener: Listener, host = 'localhost'): string[] => [
        `listener ${this.port(listener)} ${host}`, 'allow_anonymous true', `cafile ${authority.certFile}`, `certfile ${server.certFile}`, `keyfile ${server.keyFile}`,
      ];
      lines.push(...secured('tls'), ...secured('clientCertificate'), 'require_certificate true', 'use_identity_as_username true',
        ...secured('websocketTls', '127.0.0.1'), 'protocol websockets');
    }
    return [...lines, ...(this.options.extra ?? []), ''];
  }

  async #launch(): Promise<void> {
    const child = spawn(findMosquitto(), ['-c', path.join(this.folder, 'mosquitto.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    // A test run that is ended from outside must not leave brokers behind.
    const kill = (): void => { child.kill('SIGKILL'); };
    process.once('exit', kill);
    let running = true;
    const append = (data: Buffer): void => this.wrote(data.toString());
    child.stdout.on('data', append);
    child.stderr.on('data', append);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.log += String(error);
        running = false;
        resolve();
      });
      // 'close' and not 'exit': the last of its log is here then.
      child.once('close', () => {
        process.off('exit', kill);
        running = false;
        resolve();
      });
    });
    const deadline = Date.now() + START_LIMIT;
    for (const [listener, port] of Object.entries(this.ports)) {
      while (!(await accepts(port, listener.startsWith('websocket') ? '127.0.0.1' : 'localhost'))) {
        if (!running || Date.now() > deadline) {
          throw new Error(`Mosquitto did not start its listener '${listener}'; it wrote:\n${this.log}`);
        }
        await new Promise((resolve) => { setTimeout(resolve, 10); });
      }
    }
  }
}
