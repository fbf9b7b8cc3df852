/** The brokers of one test file: Aedes for 3.1.1, Mosquitto for 3.1.1 and 5. Each is started once a file. */
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { AedesBroker } from './aedes.js';
import type { EngineUnderTest } from './engines.js';
import { Mosquitto } from './mosquitto.js';
import type { MosquittoOptions } from './mosquitto.js';
import type { Version } from './packets.js';

/** A broker in one version of the protocol. */
export interface Server {
  readonly name: string;
  readonly broker: 'aedes' | 'mosquitto';
  readonly version: Version;
  /** For anybody, without TLS. */
  readonly url: string;
  /** Ends the broker, with what it has stored. */
  leave(): Promise<void>;
  /** Starts it again on its port, with what it had stored. */
  comeBack(): Promise<void>;
}

export interface Servers {
  readonly mosquitto: Mosquitto;
  readonly aedes: AedesBroker;
  readonly all: readonly Server[];
}

/** The most that is shown of a broker's log, in lines. */
const SHOWN = 60;

/** A failing test shows what the broker wrote during it. */
function showLogOnFailure(broker: () => Mosquitto | undefined): void {
  beforeEach(({ onTestFailed }) => {
    const start = broker()?.log.length ?? 0;
    onTestFailed(() => {
      const lines = broker()?.log.slice(start).split('\n') ?? [];
      console.error([`Mosquitto wrote ${lines.length} lines during this test, the last ones are:`, ...lines.slice(-SHOWN)].join('\n'));
    });
  });
}

/** Starts both before the file's tests and stops them after. To be called at the top of a file. */
export function startServers(options: MosquittoOptions = {}): Servers {
  let mosquitto: Mosquitto | undefined;
  let aedes: AedesBroker | undefined;
  const mosquittosOutage = { leave: () => mosquitto!.shutDown(), comeBack: () => mosquitto!.restart() };
  const servers: Servers = {
    get mosquitto() { return mosquitto!; },
    get aedes() { return aedes!; },
    all: [
      {
        name: 'Aedes, 3.1.1', broker: 'aedes', version: 4, get url() { return aedes!.url; },
        leave: () => aedes!.leave(), comeBack: () => aedes!.comeBack(),
      },
      { name: 'Mosquitto, 3.1.1', broker: 'mosquitto', version: 4, get url() { return mosquitto!.url; }, ...mosquittosOutage },
      { name: 'Mosquitto, 5', broker: 'mosquitto', version: 5, get url() { return mosquitto!.url; }, ...mosquittosOutage },
    ],
  };
  beforeAll(async () => {
    [mosquitto, aedes] = await Promise.all([Mosquitto.start(options), AedesBroker.start()]);
  });
  showLogOnFailure(() => mosquitto);
  afterAll(async () => {
    await Promise.all([mosquitto?.stop(), aedes?.stop()]);
  });
  return servers;
}

/** Only Mosquitto. */
export function startMosquitto(options: MosquittoOptions = {}): { readonly broker: Mosquitto } {
  let broker: Mosquitto | undefined;
  beforeAll(async () => { broker = await Mosquitto.start(options); });
  showLogOnFailure(() => broker);
  afterAll(async () => { await broker?.stop(); });
  return { get broker() { return broker!; } };
}

/** The cases once for every broker and version. */
export function forEachServer(servers: Servers, cases: (server: Server) => void): void {
  for (const server of servers.all) {
    describe(server.name, () => cases(server));
  }
}

let topicNumber = 0;

/** A topic no other case uses: a broker serves a whole file, and a retained message or a late one must not meet another case. */
export function freshTopic(engine: EngineUnderTest, name = 't'): string {
  topicNumber += 1;
  return `${engine.name}/${topicNumber}/${name}`;
}
