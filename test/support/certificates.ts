/**
 * Certificates made for one run of one test file: a CA, a good server certificate, the ways in which one can be bad, and a client's. The
 * `openssl` command makes them; nothing with a key in it is stored in the project.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.js';

export interface Pair {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const CONFIGURATION = `
[ca]
default_ca = ours
[ours]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[other_host]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:other.example
[client]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

/** Made in the constructor, removed by `remove()`. */
export class Certificates {
  readonly folder = makeTemporaryFolder('certificates');
  /** The authority everything below is signed by, unless it says otherwise. */
  readonly authority: Pair;
  /** An authority that signed nothing of use. */
  readonly otherAuthority: Pair;
  /** For localhost, 127.0.0.1 and ::1. */
  readonly server: Pair;
  /** For other.example. */
  readonly otherHost: Pair;
  /** For localhost, valid until 2021. */
  readonly expired: Pair;
  /** For localhost, signed by itself. */
  readonly selfSigned: Pair;
  /** A client's, with the common name `test-client`. */
  readonly client: Pair;
  /** A client's, signed by the other authority. */
  readonly otherClient: Pair;
  /** The client's key again, encrypted with `passphrase`. */
  readonly encryptedClientKey: string;
  readonly encryptedClientKeyFile: string;
  readonly passphrase = 'open-sesame';

  constructor() {
    fs.writeFileSync(path.join(this.folder, 'openssl.cnf'), CONFIGURATION);
    fs.writeFileSync(path.join(this.folder, 'index.txt'), '');
    fs.writeFileSync(path.join(this.folder, 'serial'), '1000\n');
    this.authority = this.#selfSigned('authority', 'Test Authority', 'authority');
    this.otherAuthority = this.#selfSigned('other-authority', 'Another Authority', 'authority');
    this.server = this.#signed('server', 'localhost', 'server', this.authority);
    this.otherHost = this.#signed('other-host', 'other.example', 'other_host', this.authority);
    this.expired = this.#signed('expired', 'localhost', 'server', this.authority, ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z']);
    this.selfSigned = this.#selfSigned('self-signed', 'localhost', 'server');
    this.client = this.#signed('client', 'test-client', 'client', this.authority);
    this.otherClient = this.#signed('other-client', 'other-client', 'client', this.otherAuthority);
    this.encryptedClientKeyFile = path.join(this.folder, 'client-encrypted.key');
    this.#openssl('pkcs8', '-topk8', '-in', 'client.key', '-out', 'client-encrypted.key', '-passout', `pass:${this.passphrase}`);
    this.encryptedClientKey = fs.readFileSync(this.encryptedClientKeyFile, 'utf8');
  }

  remove(): void {
    removeFolder(this.folder);
  }

  #openssl(...args: string[]): void {
    try {
      execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, OPENSSL_CONF: path.join(this.folder, 'openssl.cnf') } });
    } catch (error) {
      const { code, stderr } = error as { code?: string; stderr?: Buffer };
      if (code === 'ENOENT') {
        throw new Error('the TLS tests make their certificates with the openssl command, and it was not found: install the package `openssl`');
      }
      throw new Error(`openssl ${args[0]} failed: ${stderr?.toString() ?? String(error)}`);
    }
  }

  #request(name: string, commonName: string): void {
    this.#openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'openssl.cnf', '-subj', `/CN=${commonName}`,
      '-keyout', `${name}.key`, '-out', `${name}.csr`);
  }

  #selfSigned(name: string, commonName: string, extensions: string): Pair {
    this.#openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'openssl.cnf', '-subj', `/CN=${commonName}`,
      '-days', '30', '-extensions', extensions, '-keyout', `${name}.key`, '-out', `${name}.crt`);
    return this.#read(name);
  }

  #signed(name: string, commonName: string, extensions: string, authority: Pair, dates: string[] = ['-days', '30']): Pair {
    this.#request(name, commonName);
    this.#openssl('ca', '-batch', '-notext', '-config', 'openssl.cnf', '-extensions', extensions, '-cert', authority.certFile, '-keyfile', authority.keyFile,
      ...dates, '-in', `${name}.csr`, '-out', `${name}.crt`);
    return this.#read(name);
  }

  #read(name: string): Pair {
    const certFile = path.join(this.folder, `${name}.crt`);
    const keyFile = path.join(this.folder, `${name}.key`);
    return { certFile, keyFile, cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') };
  }
}
