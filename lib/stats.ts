/** A client's counters since it was made. */
export interface ClientStats {
  /** Connections made. */
  readonly connections: number;
  /** Of these, those after the first. */
  readonly reconnections: number;
  /** Attempts to connect, those that failed included; one for each server tried. */
  readonly attempts: number;
  /** Publishes taken from the application, and the bytes of their topics, properties and payloads. */
  readonly published: { readonly messages: number; readonly bytes: number };
  /** Publishes that are through: QoS 0 written, QoS 1 and 2 acknowledged without an error. */
  readonly delivered: number;
  /** Publishes given up, whether somebody waited for them or not, by the code of their error. */
  readonly dropped: Readonly<Partial<Record<import('./errors.js').MqttErrorCode, number>>>;
  /** Messages received, and the bytes of their payloads. */
  readonly received: { readonly messages: number; readonly bytes: number };
  /** What waits in the client's queue now. */
  readonly queue: { readonly messages: number; readonly bytes: number };
  /** Publishes with the engine now: next to be sent, or sent and not acknowledged. */
  readonly inFlight: number;
  /** Time from publish() to the acknowledgement of QoS 1 and 2, milliseconds; one of 16 publishes is measured. NaN before the first. */
  readonly roundTrip: {
    readonly count: number;
    readonly min: number;
    readonly max: number;
    readonly mean: number;
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
  };
}
