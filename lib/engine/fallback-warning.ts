import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

// A word of memory that all threads and all copies of the package share, as far as they are started after this one was loaded: environment
// data goes from a thread to its workers. It says that the warning is out.
const KEY = 'mqtt-native: the warning about the engine is out';

function sharedWord(): Int32Array<SharedArrayBuffer> {
  const known: unknown = getEnvironmentData(KEY);
  if (known instanceof SharedArrayBuffer) return new Int32Array(known);
  const word = new Int32Array(new SharedArrayBuffer(4));
  setEnvironmentData(KEY, word.buffer);
  return word;
}

const warned = sharedWord();

/** One warning a process: the native engine should have served, and does not. */
export function warnOfFallback(reason: string): void {
  if (Atomics.exchange(warned, 0, 1) !== 0) return;
  const message = `mqtt-native runs on mqtt.js instead of its native engine: ${reason}. With engine: 'js' or MQTT_NATIVE_ENGINE=js it is meant so.`;
  process.emitWarning(message, { code: 'MQTT_NATIVE_FALLBACK' });
}
