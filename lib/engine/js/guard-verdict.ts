/** What the guard is told and what it answers. */

/** Not enough bytes yet. */
export const WAIT = 0;
/** Hand it to mqtt.js. */
export const PASS = 1;
/** Harmless and meaningless (an acknowledgement of nothing): skip it. */
export const DROP = 2;
/** Close; `reason` holds DISCONNECT's reason code, `text` says what was wrong. */
export const FAIL = 3;
export type Verdict = typeof WAIT | typeof PASS | typeof DROP | typeof FAIL;

export interface GuardLimits {
  version: 4 | 5;
  cleanStart: boolean;
  /** CONNECT had an Authentication Method: AUTH is solicited, and CONNACK 0 must name the method (4.12.0-5). */
  authentication: boolean;
  /** CONNECT's property, default true: with false no Reason String or User Property in acks (3.1.2-29). */
  requestProblemInformation: boolean;
  /** Largest packet taken, bytes; 0: 268,435,460. */
  maximumPacketSize: number;
  /** 0: 65,535. */
  receiveMaximum: number;
  topicAliasMaximum: number;
  /** This side has session state: Session Present 1 is allowed (3.2.2-4). */
  session: boolean;
}

/** The first thing that was wrong on this connection; one object that all parts of a guard share. */
export class Fault {
  /** 0: nothing. */
  reason = 0;
  text = '';

  clear(): void {
    this.reason = 0;
    this.text = '';
  }

  fail(reason: number, text: string): typeof FAIL {
    this.reason = reason;
    this.text = text;
    return FAIL;
  }
}
