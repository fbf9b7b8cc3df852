import { domainToASCII } from 'node:url';
import { optionError } from '../errors.js';

/** Where to connect to. */
export interface Endpoint {
  readonly transport: 'tcp' | 'tls' | 'ws' | 'wss';
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query of ws and wss, `/` at least. */
  readonly path: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const SCHEMES: Readonly<Record<string, readonly [transport: Endpoint['transport'], port: number]>> = {
  'tcp:': ['tcp', 1883],
  'mqtt:': ['tcp', 1883],
  'mqtts:': ['tls', 8883],
  'ssl:': ['tls', 8883],
  'tls:': ['tls', 8883],
  'ws:': ['ws', 80],
  'wss:': ['wss', 443],
};

function decoded(argument: string, text: string, what: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw optionError(argument, `${what} is not valid percent encoding`);
  }
}

function hostOf(argument: string, hostname: string): string {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  const name = decoded(argument, hostname, 'the host name') ?? '';
  // Other than for http:, URL leaves names in other scripts as they are: DNS wants them in ASCII.
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name);
  if (ascii === '') throw optionError(argument, 'there is no valid host name');
  return ascii;
}

/**
 * Reads `scheme://[user[:password]@]host[:port][/path]`; the scheme says which transport and default port. `argument` names it in errors,
 * which never show the URL: it may hold a password.
 */
export function parseUrl(given: unknown, argument = 'url'): Endpoint {
  const urlError = (problem: string): Error => optionError(argument, problem);
  if (typeof given !== 'string' && !(given instanceof URL)) throw urlError('must be a string or a URL');
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw urlError('cannot be read; it must be like mqtt://host:1883');
  }
  const scheme = Object.hasOwn(SCHEMES, url.protocol) ? SCHEMES[url.protocol] : undefined;
  if (scheme === undefined) throw urlError(`unknown scheme ${url.protocol} - there are ${Object.keys(SCHEMES).join(' ')}`);
  const [transport, defaultPort] = scheme;
  if (url.hostname === '') throw urlError('there is no host name');
  if (url.hash !== '') throw urlError('a part after # means nothing here');
  const web = transport === 'ws' || transport === 'wss';
  if (!web && ((url.pathname !== '' && url.pathname !== '/') || url.search !== '')) {
    throw urlError(`a path or query means nothing with ${url.protocol}`);
  }
  const port = url.port === '' ? defaultPort : Number(url.port);
  if (port === 0) throw urlError('port 0 cannot be connected to');
  return {
    transport,
    host: hostOf(argument, url.hostname),
    port,
    path: web ? (url.pathname === '' ? '/' : url.pathname) + url.search : '/',
    username: decoded(argument, url.username, 'the user name'),
    password: decoded(argument, url.password, 'the password'),
  };
}

const FIRST_SCHEMES: Readonly<Record<Endpoint['transport'], string>> = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' };

/** The server as a URL that may be shown: without user name, password and query. */
export function shownUrl({ transport, host, port, path }: Pick<Endpoint, 'transport' | 'host' | 'port' | 'path'>): string {
  const name = host.includes(':') ? `[${host}]` : host;
  const web = transport === 'ws' || transport === 'wss';
  return `${FIRST_SCHEMES[transport]}://${name}:${port}${web ? path.split('?', 1)[0]! : ''}`;
}

/** Whether it speaks TLS. */
export function isSecure({ transport }: Pick<Endpoint, 'transport'>): boolean {
  return transport === 'tls' || transport === 'wss';
}
