import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import type { EngineTls } from '../engine/engine.js';
import { optionError } from '../errors.js';
import { boolean, bytesOf, checkNames, oneOf, plainText } from './validate.js';

/** PEM: a text or bytes that hold it, or the path of a file that does. A text without `-----BEGIN` is a path. */
export type PemSource = string | Uint8Array;

/** How to talk TLS. Used with `mqtts:`, `ssl:`, `tls:` and `wss:`, refused with the others. Both engines take all of it. */
export interface TlsOptions {
  /**
   * Certificate authorities to trust, instead of the default ones. Several are taken together. Default: those Node trusts. Files are read
   * at connect().
   */
  ca?: PemSource | readonly PemSource[] | undefined;
  /** The client's certificate, followed by its intermediates. Needs `key`. Default: none. */
  cert?: PemSource | undefined;
  /** The private key of `cert`, and needed with it. Default: none. */
  key?: PemSource | undefined;
  /** Opens an encrypted `key`. Default: none. */
  passphrase?: string | undefined;
  /** The name to ask for (SNI) and to find in the server's certificate. Default: the host of the URL. */
  servername?: string | undefined;
  /** Application protocols to offer (ALPN), for example `['mqtt']`. Default: none. */
  alpn?: readonly string[] | undefined;
  /** Default: `'TLSv1.2'`, which is also the lowest. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Default: the highest there is. */
  maxVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Cipher list of TLS 1.2 in OpenSSL's form. Default: OpenSSL's. */
  ciphers?: string | undefined;
  /** Takes any certificate of anybody. For tests only. Default: false. */
  insecureSkipVerify?: boolean | undefined;
}

/** TLS options, checked and copied; files are not read yet. */
export interface ResolvedTls {
  readonly ca: readonly PemSource[] | undefined;
  readonly cert: PemSource | undefined;
  readonly key: PemSource | undefined;
  readonly rest: Omit<EngineTls, 'ca' | 'cert' | 'key'>;
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const NAMES = new Set([
  'ca', 'cert', 'key', 'passphrase', 'servername', 'alpn', 'minVersion', 'maxVersion', 'ciphers', 'insecureSkipVerify',
]);

function pem(name: string, value: unknown): PemSource {
  if (typeof value === 'string') {
    if (value === '') throw optionError(name, 'is empty');
    if (value.includes('\0')) throw optionError(name, 'has the character U+0000');
    return value;
  }
  const bytes = bytesOf(value);
  if (bytes === undefined) throw optionError(name, 'must be PEM text, bytes, or the path of a file');
  const text = Buffer.from(bytes).toString('latin1');
  if (!text.includes('-----BEGIN')) throw optionError(name, 'holds no PEM (-----BEGIN)');
  return text;
}

/** Checks the option `tls`. */
export function resolveTls(given: unknown): ResolvedTls {
  const options = given ?? {};
  checkNames('tls', options, NAMES);
  const optional = <T>(name: string, read: (name: string, value: unknown) => T): T | undefined =>
    options[name] === undefined ? undefined : read(`tls.${name}`, options[name]);
  const cert = optional('cert', pem);
  const key = optional('key', pem);
  if (cert !== undefined && key === undefined) throw optionError('tls.key', 'is missing: tls.cert needs it');
  if (key !== undefined && cert === undefined) throw optionError('tls.cert', 'is missing: tls.key needs it');
  const minVersion = optional('minVersion', (n, v) => oneOf(n, v, VERSIONS)) ?? 'TLSv1.2';
  const maxVersion = optional('maxVersion', (n, v) => oneOf(n, v, VERSIONS));
  if (maxVersion !== undefined && maxVersion < minVersion) throw optionError('tls.maxVersion', 'is below tls.minVersion');
  return {
    ca: optional('ca', (n, v) => {
      const list = Array.isArray(v) ? (v as unknown[]) : [v];
      if (list.length === 0) throw optionError(n, 'is empty: nobody would be trusted');
      return list.map((one) => pem(n, one));
    }),
    cert,
    key,
    rest: {
      passphrase: optional('passphrase', (n, v) => {
        if (typeof v !== 'string') throw optionError(n, 'must be a string');
        return v;
      }),
      servername: optional('servername', plainText),
      alpn: optional('alpn', (n, v) => {
        if (!Array.isArray(v) || v.length === 0) throw optionError(n, 'must be an array of protocol names');
        return v.map((one: unknown) => {
          const name = plainText(n, one);
          if (Buffer.byteLength(name) > 255 || name.includes(',')) throw optionError(n, 'has a name above 255 bytes or with a comma');
          return name;
        });
      }),
      minVersion,
      maxVersion,
      ciphers: optional('ciphers', plainText),
      insecureSkipVerify: optional('insecureSkipVerify', boolean) ?? false,
    },
  };
}

async function read(name: string, source: PemSource): Promise<string> {
  if (typeof source !== 'string') return Buffer.from(source).toString('latin1');
  if (source.includes('-----BEGIN')) return source;
  let text: string;
  try {
    text = await readFile(source, 'latin1');
  } catch (cause) {
    throw optionError(name, `cannot read the file (${(cause as NodeJS.ErrnoException).code ?? 'error'})`, cause);
  }
  if (!text.includes('-----BEGIN')) throw optionError(name, 'the file holds no PEM (-----BEGIN)');
  return text;
}

/** Reads what is to be read. Throws ERR_MQTT_OPTION naming the option whose file cannot be read. */
export async function loadTls(options: ResolvedTls): Promise<EngineTls> {
  const ca = options.ca === undefined ? undefined : (await Promise.all(options.ca.map((one) => read('tls.ca', one)))).join('\n');
  const cert = options.cert === undefined ? undefined : await read('tls.cert', options.cert);
  const key = options.key === undefined ? undefined : await read('tls.key', options.key);
  return { ca: ca ?? (options.rest.insecureSkipVerify ? undefined : defaultCertificates()), cert, key, ...options.rest };
}

/** Made once a process: some 140 certificates are 200 KiB of text. */
let defaults: string | undefined;

/** What Node trusts, as PEM: its own call where there is one (since 22.15), else its list and NODE_EXTRA_CA_CERTS. */
export function defaultCertificates(): string {
  if (defaults !== undefined) return defaults;
  const { getCACertificates } = tls as typeof tls & { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates !== undefined) {
    defaults = getCACertificates('default').join('\n');
  } else {
    defaults = tls.rootCertificates.join('\n');
    const extra = process.env['NODE_EXTRA_CA_CERTS'];
    if (extra !== undefined && extra !== '') {
      try {
        defaults += `\n${readFileSync(extra, 'latin1')}`;
      } catch {
        // Node itself goes on with a warning when it cannot read this file.
      }
    }
  }
  return defaults;
}
