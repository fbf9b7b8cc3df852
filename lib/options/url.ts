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

/** Errors never show the URL: it may hold a password. */
function urlError(problem: string): Error {
  return optionError('url', problem);
}

function decoded(text: string, what: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw urlError(`${what} is not valid percent encoding`);
  }
}

function hostOf(hostname: string): string {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  const name = decoded(hostname, 'the host name') ?? '';
  // Other than for http:, URL leaves names in other scripts as they are: DNS wants them in ASCII.
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name);
  if (ascii === '') throw urlError('there is no valid host name');
  return ascii;
}

/** Reads `scheme://[user[:password]@]host[:port][/path]`; the scheme says which transport and default port. */
export function parseUrl(given: unknown): Endpoint {
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
    host: hostOf(url.hostname),
    port,
    path: web ? (url.pathname === '' ? '/' : url.pathname) + url.search : '/',
    username: decoded(url.username, 'the user name'),
    password: decoded(url.password, 'the password'),
  };
}
