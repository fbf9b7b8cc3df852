import { isIPv6 } from 'node:net';
import type { Endpoint } from '../options/url.js';

/** `host`, `host:port` or `[v6]:port`; a lone colon in front of digits separates the port. */
const FORM = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[A-Za-z0-9._-]{1,253}))(?::(?<port>[0-9]{1,5}))?$/;

/** Where one of the servers may be; transport, path and, unless it says so, port are those of now. */
function parseOne(text: string, now: Endpoint): Endpoint | undefined {
  // An IPv6 address without brackets has no port behind it.
  if (isIPv6(text)) return { ...now, host: text };
  const { v6, host, port } = FORM.exec(text)?.groups ?? {};
  if (v6 !== undefined && !isIPv6(v6)) return undefined;
  const name = v6 ?? host;
  const number = port === undefined ? now.port : Number(port);
  if (name === undefined || number < 1 || number > 65_535) return undefined;
  return { ...now, host: name, port: number };
}

/**
 * The server a Server Reference (4.13) names: the first one, of several separated by spaces, that can be understood and is not the one that
 * sent it.
 */
export function parseServerReference(reference: string | undefined, now: Endpoint): Endpoint | undefined {
  if (reference === undefined) return undefined;
  for (const text of reference.split(' ')) {
    const endpoint = parseOne(text, now);
    if (endpoint !== undefined && (endpoint.port !== now.port || endpoint.host.toLowerCase() !== now.host.toLowerCase())) return endpoint;
  }
  return undefined;
}
