/** The lines between broker-service.ts and remote-mosquitto.ts. */
import type { AnyMosquitto, MosquittoOptions } from '../../support/any-mosquitto.js';
import type { Pair } from '../../support/certificates.js';

export type BrokerAction = 'freeze' | 'thaw' | 'kill' | 'shutDown' | 'restart' | 'stop';

export type BrokerRequest = { number: number; broker: number } & ({ what: 'start'; options: MosquittoOptions } | { what: BrokerAction });

export interface StartedBroker {
  folder: string;
  ports: AnyMosquitto['ports'];
  /** What Certificates has: pairs, and texts. */
  certificates?: Record<string, Pair | string>;
}

export interface BrokerAnswer {
  /** The number of the request. */
  answers?: number;
  error?: string;
  started?: StartedBroker;
  broker?: number;
  /** What the broker wrote since the last time. */
  log?: string;
}
