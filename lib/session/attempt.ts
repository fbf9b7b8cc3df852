import { channels, type Log } from '../diagnostics.js';
import type { EngineFailure, EngineTls } from '../engine/engine.js';
import { MqttError } from '../errors.js';
import { engineOpen, type ResolvedOptions } from '../options/resolve.js';
import { loadTls } from '../options/tls.js';
import { shownUrl, type Endpoint } from '../options/url.js';
import { UNSUPPORTED_PROTOCOL_VERSION } from '../protocol/reason-codes.js';
import type { Stats } from '../stats.js';
import { askCredentials, type CheckedCredentials } from './credentials.js';
import { errorFromFailure } from './failure.js';
import { isMoved, verdictOn, type Verdict } from './refusal.js';
import { Servers } from './servers.js';
import type { Session } from './session.js';
import type { Timer } from './timer.js';

/** 3.1.1's CONNACK return code for a protocol version the server does not take. */
const UNACCEPTABLE_PROTOCOL_VERSION = 1;

function nameOf(version: 4 | 5): string {
  return version === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
}

/** What an attempt works with; all of it is the client's. */
export interface AttemptTools {
  readonly options: ResolvedOptions;
  readonly session: Session;
  readonly stats: Stats;
  readonly log: Log;
  /** Free while an attempt is under way. */
  readonly timer: Timer;
  /** Every server was tried. `stop`: none of them will ever say anything else. */
  readonly failed: (error: MqttError, verdict: Verdict) => void;
}

/** One attempt: credentials and certificates of now, then each server once, with each protocol version it may take. */
export class Attempt {
  /** With 3.1.1 after 5 was refused. */
  version: 4 | 5 = 5;
  readonly #tools: AttemptTools;
  readonly #servers: Servers;
  #who: CheckedCredentials;
  #tls: EngineTls | undefined = undefined;
  /** Of the server of now. */
  #deadline = 0;
  /** The engine was asked to open: only its end would stop it. */
  #opening = false;
  #cancelled = false;
  #verdict: Verdict = 'stop';

  /** `referred`: the server that ended the last connection named this one. */
  constructor(tools: AttemptTools, referred: Endpoint | undefined) {
    const { endpoints, followServerReference, username, password } = tools.options;
    this.#tools = tools;
    this.#servers = new Servers(endpoints, followServerReference, referred);
    this.#who = { username, password };
  }

  get endpoint(): Endpoint {
    return this.#servers.current;
  }

  /** Without credentials to ask for and without TLS, the engine is at work when this returns. */
  start(): void {
    const { credentials, tls } = this.#tools.options;
    if (credentials === undefined && tls === undefined) this.#visit();
    else void this.#prepare();
  }

  /** Nothing is heard of it any more. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#tools.timer.clear();
    if (this.#opening) this.#tools.session.retire();
  }

  async #prepare(): Promise<void> {
    const { options, timer, session } = this.#tools;
    try {
      if (options.credentials !== undefined) this.#who = await askCredentials(options.credentials, options.connectTimeout, timer);
      timer.clear();
      if (options.tls !== undefined && !this.#cancelled) this.#tls = await loadTls(options.tls);
    } catch (error) {
      if (this.#cancelled) return;
      timer.clear();
      // A file that could be read before is about to be replaced; one that never could is a mistake.
      const mayPass = (error as MqttError).code === 'ERR_MQTT_CREDENTIALS' || session.connectedBefore;
      this.#told(error as MqttError);
      this.#tools.failed(error as MqttError, mayPass ? 'passes' : 'stop');
      return;
    }
    if (!this.#cancelled) this.#visit();
  }

  // ---- one server ---------------------------------------------------------------------------------------------------------

  #visit(): void {
    const { options, stats } = this.#tools;
    stats.attempt();
    this.#deadline = performance.now() + options.connectTimeout;
    const [first] = this.#versions();
    if (first === undefined) {
      this.#fail(new MqttError('ERR_MQTT_CREDENTIALS', 'credentials: MQTT 3.1.1 allows no password without a username [MQTT-3.1.2-22]'));
    } else {
      this.#open(first);
    }
  }

  /** The versions to try, in order. */
  #versions(): readonly (4 | 5)[] {
    const { options, session } = this.#tools;
    // A session that goes on speaks the version it began with.
    if (session.kept && session.version === 4) return [4];
    if (this.#who.password === undefined || this.#who.username !== undefined) return options.versions;
    return options.versions.filter((version) => version === 5);
  }

  #open(version: 4 | 5): void {
    const { options, session } = this.#tools;
    this.version = version;
    try {
      const engine = session.engineFor(this.endpoint, version);
      this.#logOpen();
      if (this.#cancelled) return;
      this.#opening = true;
      engine.open(engineOpen(options, {
        endpoint: this.endpoint,
        protocolVersion: version,
        cleanStart: session.cleanStart(version),
        clientId: session.clientId,
        username: this.#who.username,
        password: this.#who.password,
        tls: this.#tls,
        connectTimeout: Math.max(1, Math.ceil(this.#deadline - performance.now())),
      }));
    } catch (error) {
      this.#opening = false;
      this.#fail(error as MqttError);
    }
  }

  /** The server has accepted, in a way that it must not. The engine is given up by now. */
  reject(error: MqttError): void {
    this.#opening = false;
    this.#fail(error);
  }

  openFailed(failure: EngineFailure): void {
    this.#opening = false;
    const error = errorFromFailure(failure);
    const older = this.#versions()[this.#versions().indexOf(this.version) + 1];
    if (older !== undefined && this.#refusesVersion5(error)) {
      this.#tools.log.write('info', `${shownUrl(this.endpoint)} does not take MQTT 5 (${error.message}), trying 3.1.1`);
      if (!this.#cancelled) this.#open(older);
    } else {
      this.#fail(error);
    }
  }

  /** Whether the server would perhaps take 3.1.1: it said so, or it hung up without a word, as some do; not if it ever took 5. */
  #refusesVersion5({ code, reasonCode }: MqttError): boolean {
    if (code === 'ERR_MQTT_REFUSED') return reasonCode === UNACCEPTABLE_PROTOCOL_VERSION || reasonCode === UNSUPPORTED_PROTOCOL_VERSION;
    return code === 'ERR_MQTT_CONNECTION_LOST' && this.#tools.session.version !== 5;
  }

  /** This server is no good; on to the next one, or one that it names. */
  #fail(error: MqttError): void {
    const { options, log, failed } = this.#tools;
    this.#told(error);
    if (this.#cancelled) return;
    const followed = isMoved(error) && this.#servers.follow(error);
    if (!followed && verdictOn(error, options.credentials !== undefined) === 'passes') this.#verdict = 'passes';
    if (!this.#servers.next()) {
      failed(error, this.#verdict);
      return;
    }
    if (followed) log.write('info', `the server names ${shownUrl(this.endpoint)}`);
    if (!this.#cancelled) this.#visit();
  }

  // ---- what it tells ------------------------------------------------------------------------------------------------------

  #told(error: MqttError): void {
    const { options, log } = this.#tools;
    const server = shownUrl(this.endpoint);
    log.write('info', `not connected to ${server}: ${error.message}`);
    if (channels.disconnect.hasSubscribers) channels.disconnect.publish({ clientId: options.clientId, server, error });
  }

  #logOpen(): void {
    const { options, session, log } = this.#tools;
    const { name, version, reason } = session.info!;
    log.write('info', `connecting to ${shownUrl(this.endpoint)} with ${nameOf(this.version)}, engine ${name} ${version} (${reason})`);
    if (this.version === 4 && options.mqtt5Only.length > 0) {
      log.write('warn', `MQTT 3.1.1 does not have ${options.mqtt5Only.join(', ')}: without effect on this connection`);
    }
  }
}
