/** What a client tells of its connection, in order, with the state it was in at that moment. */
import type { Client, ClientState, MqttError } from 'mqtt-native';
import { Inbox } from './waiting.js';

export interface RecordedEvent {
  readonly name: string;
  readonly state: ClientState;
  /** Of 'reconnecting' and 'reconnect'. */
  readonly attempt?: number;
  readonly delay?: number;
  /** Of 'disconnect' and 'error'. */
  readonly code?: string;
}

/** Attempts that follow each other at once, so that a test need not wait; the delays double all the same. */
export const SOON = { initialDelay: 10, maxDelay: 50, jitter: 'none' } as const;

/** No attempt within a test but those it asks for. */
export const LATER = { initialDelay: 600_000, maxDelay: 600_000, jitter: 'none' } as const;

/** The events of the connection from now on. */
export function eventsOf(client: Client): Inbox<RecordedEvent> {
  const inbox = new Inbox<RecordedEvent>('an event of the connection');
  for (const name of ['connect', 'offline', 'close'] as const) {
    client.on(name, () => inbox.push({ name, state: client.state }));
  }
  client.on('disconnect', (error) => inbox.push({ name: 'disconnect', state: client.state, code: error.code }));
  for (const name of ['reconnecting', 'reconnect'] as const) {
    client.on(name, (attempt, delay) => inbox.push({ name, state: client.state, attempt, delay }));
  }
  return inbox;
}

/** The events up to the next one of this name. */
export function untilEvent(events: Inbox<RecordedEvent>, name: string): Promise<RecordedEvent[]> {
  return events.until((event) => event.name === name);
}

/** 'error' from now on, by code. Listening keeps them from being uncaught exceptions. */
export function errorsOf(client: Client): Inbox<string> {
  return Inbox.of<string, [unknown]>(client, 'error', (error) => (error as MqttError).code ?? String(error));
}
