/**
 * The engines as a table: one suite runs on each of them, with clients that are destroyed when their test ends. A case that an engine is
 * known not to serve is skipped by name, with the reason from test/contract/gaps.ts.
 */
import { Client } from 'mqtt-native';
import type { ClientOptions, Message } from 'mqtt-native';
import * as path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { GAPS } from '../contract/gaps.js';
import type { Gap } from '../contract/gaps.js';
import { Inbox } from './waiting.js';

export type EngineName = 'js' | 'native';

export const ENGINES: readonly EngineName[] = ['js', 'native'];

/** MQN_TEST_ENGINES=js runs the suites on one engine only, for work where the other is not built. Nothing sets it in `npm test`. */
function chosenEngines(): readonly EngineName[] {
  const asked = process.env['MQN_TEST_ENGINES'];
  if (asked === undefined) {
    return ENGINES;
  }
  return asked.split(',').map((name) => {
    const engine = ENGINES.find((known) => known === name);
    if (engine === undefined) {
      throw new Error(`MQN_TEST_ENGINES names the engine '${name}', which does not exist`);
    }
    return engine;
  });
}

export interface CaseOptions {
  /** ms, where the safety net of vitest.config.ts is too short. */
  timeout?: number;
}

/** Entries of the table that a case of this file was skipped for. */
const answeredGaps = new Set<Gap>();

export class EngineUnderTest {
  readonly #clients: Client[] = [];

  constructor(readonly name: EngineName) {}

  /** A client of this engine, not connected and without reconnecting unless asked for; destroyed at the end of the test. */
  client(url: string, options: Partial<ClientOptions> = {}): Client {
    const client = new Client(url, { reconnect: false, ...options, engine: this.name });
    this.#clients.push(client);
    return client;
  }

  /** The same, connected. */
  async connected(url: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = this.client(url, options);
    await client.connect();
    return client;
  }

  /** Destroys what the test has made. */
  async cleanUp(): Promise<void> {
    for (const client of this.#clients.splice(0)) {
      client.destroy();
    }
  }

  /** A case of the suite. */
  case(name: string, run: () => Promise<void> | void, options: CaseOptions = {}): void {
    const gap = GAPS.find((entry) => entry.case === name && entry.engines.includes(this.name));
    if (gap === undefined) {
      it(name, options.timeout === undefined ? {} : { timeout: options.timeout }, async () => { await run(); });
    } else {
      answeredGaps.add(gap);
      it.skip(`${name} [gap of the ${this.name} engine: ${gap.reason}]`, () => undefined);
    }
  }
}

/** Runs a suite once for each engine, or for those named. */
export function forEachEngine(suite: (engine: EngineUnderTest) => void, only: readonly EngineName[] = ENGINES): void {
  for (const name of chosenEngines()) {
    if (only.includes(name)) {
      describe(`${name} engine`, () => {
        const engine = new EngineUnderTest(name);
        afterEach(() => engine.cleanUp());
        afterAll(() => {
          const file = (expect.getState().testPath ?? '').split(path.sep).slice(-2).join('/');
          const unanswered = GAPS.filter((gap) => gap.engines.includes(name) && gap.file === file && !answeredGaps.has(gap));
          expect(unanswered, 'gaps without a case').toEqual([]);
        });
        suite(engine);
      });
    }
  }
}

/** The payloads as numbers, for messages that were numbered when they were sent. */
export function numbersOf(messages: readonly Message[]): number[] {
  return messages.map((message) => Number(message.text()));
}

/** 0, 1, 2 ... */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Every message of a client from now on. */
export function messagesOf(client: Client): Inbox<Message> {
  return Inbox.of<Message, [Message]>(client, 'message', (message) => message);
}
