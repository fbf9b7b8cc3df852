import { MqttError } from '../errors.js';

/** Milliseconds DISCONNECT may take before the connection ends without it. */
const GRACE = 250;

/** A connection is being ended because a handler has failed and its message is to come again. */
export class Interruption {
  /** Implementation specific error. */
  static readonly REASON_CODE = 0x83;

  readonly error: MqttError;
  readonly #timer: NodeJS.Timeout;

  /** `cut`: DISCONNECT cannot be written. */
  constructor(cause: unknown, cut: () => void) {
    this.error = new MqttError('ERR_MQTT_CLOSED', 'the connection was ended because the handler of a message has failed', { cause });
    this.#timer = setTimeout(cut, GRACE).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
