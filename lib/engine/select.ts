import { EngineUnavailableError, optionError, type EngineAttempt } from '../errors.js';
import type { IncomingMessage } from '../incoming/message.js';
import type { Engine, EngineInfo, EngineOpen, EngineSink } from './engine.js';
import { JsEngine } from './js/js-engine.js';
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

/** Why the native engine cannot serve; undefined: it can. */
function nativeProblem(transport: EngineOpen['transport'], attempts: EngineAttempt[]): string | undefined {
  if (!servesTransport('native', transport)) {
    const problem = `the native engine does not serve ${transport}: yet`;
    attempts.push({ engine: 'native', error: new Error(problem) });
    return problem;
  }
  const loaded = loadNative();
  if (loaded.available) return undefined;
  for (const { file, error } of loaded.attempts) attempts.push({ engine: 'native', file, error });
  return `the native addon was not loaded: ${attempts.at(-1)?.error.message.split('\n', 1)[0] ?? 'no reason given'}`;
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
  const problem = nativeProblem(transport, attempts);
  if (problem !== undefined) {
    if (asked === 'native') throw new EngineUnavailableError('the native engine cannot serve', attempts);
    return jsEngine(sink, problem, attempts);
  }
  return new NativeEngine(sink, asked === 'auto' ? 'native addon loaded' : reason);
}
