import { EngineUnavailableError, optionError, type EngineAttempt } from '../errors.js';
import type { IncomingMessage } from '../incoming/message.js';
import { describeHost } from '../platform/host.js';
import { hostInWords } from '../platform/words.js';
import type { Engine, EngineInfo, EngineOpen, EngineSink } from './engine.js';
import { warnOfFallback } from './fallback-warning.js';
import { JsEngine } from './js/js-engine.js';
import { mqttVersion } from './js/load.js';
import { loadNative } from './native/load.js';
import { NativeEngine } from './native/native-engine.js';

// Neither import loads what the engine is made of: the addon and mqtt.js come when an engine is made, and it may turn out that they are
// not there.

type Sink = EngineSink<IncomingMessage>;

/** Environment variable that decides for 'auto'. */
const VARIABLE = 'MQTT_NATIVE_ENGINE';

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Whether an engine that was made for one transport can be opened with another. */
export function servesTransport(name: EngineInfo['name'], transport: EngineOpen['transport']): boolean {
  return name === 'js' || (transport !== 'ws' && transport !== 'wss');
}

/** The native engine's side of the choice. */
interface NativeAnswer {
  /** Why it serves, or cannot. */
  reason: string;
  serves: boolean;
  /** It cannot, though there is an addon for this platform. */
  surprising: boolean;
}

function askNative(transport: EngineOpen['transport'], attempts: EngineAttempt[]): NativeAnswer {
  if (!servesTransport('native', transport)) {
    const reason = `the native engine does not serve ${transport}: yet`;
    attempts.push({ engine: 'native', error: new Error(reason) });
    return { reason, serves: false, surprising: false };
  }
  const loaded = loadNative();
  if (loaded.available) return { reason: `native addon loaded: ${loaded.file}`, serves: true, surprising: false };
  for (const { file, error } of loaded.attempts) attempts.push({ engine: 'native', file, error });
  const problems = loaded.attempts.map(({ file, error }) => [file, error.message.split('\n', 1)[0]].filter(Boolean).join(': '));
  const host = describeHost();
  return {
    reason: `the native addon was not loaded: ${problems.join('; ')} [${hostInWords(host)}]`,
    serves: false,
    surprising: host.target !== undefined || loaded.attempts.some(({ file }) => file !== undefined),
  };
}

function jsEngine(sink: Sink, reason: string, attempts: EngineAttempt[]): Engine {
  try {
    return new JsEngine(sink, reason);
  } catch (error) {
    attempts.push({ engine: 'js', error: asError(error) });
    throw new EngineUnavailableError('no engine can serve', attempts);
  }
}

/** Makes the engine that was asked for, or for 'auto' the best one that can serve. Throws EngineUnavailableError. */
export function selectEngine(option: 'auto' | 'native' | 'js', transport: EngineOpen['transport'], sink: Sink): Engine {
  let asked = option;
  let reason = 'asked for';
  const variable = process.env[VARIABLE];
  if (option === 'auto' && variable !== undefined && variable !== '') {
    if (variable !== 'native' && variable !== 'js') throw optionError(VARIABLE, 'must be "native" or "js"');
    asked = variable;
    reason = `asked for by ${VARIABLE}`;
  }
  const attempts: EngineAttempt[] = [];
  if (asked === 'js') return jsEngine(sink, reason, attempts);
  const native = askNative(transport, attempts);
  if (native.serves) return new NativeEngine(sink, asked === 'auto' ? native.reason : reason);
  if (asked === 'native') throw new EngineUnavailableError(`the native engine cannot serve on ${hostInWords(describeHost())}`, attempts);
  const engine = jsEngine(sink, native.reason, attempts);
  if (native.surprising) warnOfFallback(native.reason);
  return engine;
}

/** What there is to choose from: each engine's version, or why it cannot serve. */
export interface EngineStock {
  readonly native: { readonly version: string; readonly file: string } | undefined;
  readonly js: { readonly version: string } | undefined;
  /** Those that failed. */
  readonly attempts: readonly EngineAttempt[];
}

/** Looks for both engines, as making a client would; never throws. */
export function takeStock(): EngineStock {
  const attempts: EngineAttempt[] = [];
  const native = loadNative();
  if (!native.available) for (const { file, error } of native.attempts) attempts.push({ engine: 'native', file, error });
  let js: EngineStock['js'];
  try {
    js = { version: mqttVersion() };
  } catch (error) {
    attempts.push({ engine: 'js', error: asError(error) });
  }
  return { native: native.available ? { version: native.version, file: native.file } : undefined, js, attempts };
}
