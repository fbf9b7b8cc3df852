import { MqttError } from '../errors.js';
import { binaryData, checkNames, mqttText } from '../options/validate.js';
import type { Timer } from './timer.js';

/** What CONNECT says about who this is. */
export interface CheckedCredentials {
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

const NAMES = new Set(['username', 'password']);

/** The answer of the option `credentials`, checked and copied like the options it stands for. */
function check(given: unknown): CheckedCredentials {
  checkNames('credentials', given, NAMES);
  const { username, password } = given;
  return {
    username: username === undefined ? undefined : mqttText('credentials.username', username),
    password: password === undefined ? undefined : binaryData('credentials.password', password),
  };
}

function failed(cause: unknown): MqttError {
  // Its message could hold what is secret; whoever asks for it finds it in the cause.
  return new MqttError('ERR_MQTT_CREDENTIALS', 'the function of the option credentials has failed', { cause });
}

/**
 * Calls the function once. `timer` is free for it, and clearing it is all it takes to give up. Rejects with ERR_MQTT_CREDENTIALS only, and
 * in time; what comes later is not heard.
 */
export function askCredentials(ask: () => unknown, timeout: number, timer: Timer): Promise<CheckedCredentials> {
  return new Promise((resolve, reject) => {
    timer.set(() => reject(failed(new MqttError('ERR_MQTT_TIMEOUT', 'credentials: no answer in time'))), timeout);
    // Inside the chain, since the function itself may throw.
    Promise.resolve()
      .then(ask)
      .then(check)
      .then(resolve, (cause: unknown) => reject(failed(cause)));
  });
}
