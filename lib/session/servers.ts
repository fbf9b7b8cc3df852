import type { MqttError } from '../errors.js';
import type { Endpoint } from '../options/url.js';
import { parseServerReference } from './server-reference.js';

/**
 * The servers of one attempt: each once, the first one first, so that a client that went further down the list comes back to the first one
 * with its next attempt. One Server Reference may put another one in between.
 */
export class Servers {
  readonly #rest: Endpoint[];
  #current: Endpoint;
  #mayFollow: boolean;

  /** `referred`: the server that was left has named this one, which then is tried first. */
  constructor(endpoints: readonly Endpoint[], follow: boolean, referred: Endpoint | undefined) {
    this.#rest = referred === undefined ? [...endpoints] : [referred, ...endpoints];
    this.#current = this.#rest.shift()!;
    this.#mayFollow = follow && referred === undefined;
  }

  get current(): Endpoint {
    return this.#current;
  }

  /** Goes on to the one after this; false: there is none. */
  next(): boolean {
    const next = this.#rest.shift();
    if (next === undefined) return false;
    this.#current = next;
    return true;
  }

  /** The next one is the one the server names in its refusal; false: it names none that is usable, or one was followed already. */
  follow(refusal: MqttError): boolean {
    if (!this.#mayFollow) return false;
    const endpoint = parseServerReference(refusal.properties?.serverReference, this.#current);
    if (endpoint === undefined) return false;
    this.#mayFollow = false;
    this.#rest.unshift(endpoint);
    return true;
  }
}
