import { randomBytes } from 'node:crypto';
import { Client } from '../client.js';
import type { EngineTls } from '../engine/engine.js';
import { MqttError } from '../errors.js';
import type { ClientOptions } from '../options/client-options.js';
import { loadTls, resolveTls, type TlsOptions } from '../options/tls.js';
import { isSecure, parseUrl, shownUrl, type Endpoint } from '../options/url.js';
import { UsageError, type Arguments } from './arguments.js';
import { cleaned, Secrets } from './shown.js';

/** Where --topic is not given; documented, so that an ACL can allow it: `mqtt-native/doctor/#`. */
const PREFIX = 'mqtt-native/doctor/';

/** What a run is about: the command line, the environment and the files it names, put together. */
export interface Settings {
  readonly endpoint: Endpoint;
  /** As it may be shown. */
  readonly url: string;
  readonly topic: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly passwordInUrl: boolean;
  readonly insecure: boolean;
  /** Certificates and key as they were read; undefined without TLS. */
  readonly tls: EngineTls | undefined;
  readonly secrets: Secrets;
  /** A client of the package, as a program with the same options would make it. */
  makeClient(options: ClientOptions): Client;
}

/**
 * Throws a UsageError for what no client could be made of. `asked`: the password that was typed. MQTT_PASSWORD counts only beside a user
 * name: it may be there for something else.
 */
export async function settingsFrom(given: Arguments, env: NodeJS.ProcessEnv, asked: string | undefined): Promise<Settings> {
  const url = given.url!;
  try {
    const endpoint = parseUrl(url);
    if (!isSecure(endpoint)) {
      for (const name of ['ca', 'cert', 'key', 'insecure'] as const) {
        if (given[name] !== undefined && given[name] !== false) throw new UsageError('needsTls', { name: `--${name}` });
      }
    }
    const username = given.username ?? endpoint.username;
    const secret = asked ?? endpoint.password ?? (username === undefined ? undefined : env['MQTT_PASSWORD'] || undefined);
    const clientId = given.clientId ?? `mqtt-native-${randomBytes(4).toString('hex')}`;
    const tls: TlsOptions = {
      ca: given.ca, cert: given.cert, key: given.key, insecureSkipVerify: given.insecure,
      passphrase: given.key === undefined ? undefined : env['MQTT_KEY_PASSPHRASE'] || undefined,
    };
    const common: ClientOptions = { clientId, username, password: secret, reconnect: false, ...(isSecure(endpoint) ? { tls } : {}) };
    const makeClient = (options: ClientOptions): Client => new Client(url, { ...common, ...options });
    // What is wrong with them shows now, before anything is sent to anybody.
    makeClient({}).destroy();
    return {
      endpoint,
      url: shownUrl(endpoint),
      topic: given.topic ?? PREFIX + randomBytes(8).toString('hex'),
      clientId,
      username,
      passwordInUrl: endpoint.password !== undefined,
      insecure: given.insecure,
      tls: isSecure(endpoint) ? await loadTls(resolveTls(tls)) : undefined,
      secrets: new Secrets(secret, endpoint.password, endpoint.username, tls.passphrase, queryOf(endpoint)),
      makeClient,
    };
  } catch (error) {
    if (error instanceof MqttError) throw new UsageError('wrong', { detail: cleaned(error.message) });
    throw error;
  }
}

/** A query of a WebSocket URL often is a token. */
function queryOf({ path }: Endpoint): string | undefined {
  const at = path.indexOf('?');
  return at < 0 ? undefined : path.slice(at + 1);
}
