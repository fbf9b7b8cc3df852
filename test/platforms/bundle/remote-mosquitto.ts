/**
 * Takes the place of test/support/mosquitto.ts under Wine, where the brokers run on the Linux side: broker-service.ts starts them, and the
 * loopback is the same. Names of files become what Wine calls them.
 */
import * as net from 'node:net';
import { createInterface } from 'node:readline';
import { AnyMosquitto, USERS } from '../../support/any-mosquitto.js';
import type { MosquittoOptions } from '../../support/any-mosquitto.js';
import type { Certificates } from '../../support/certificates.js';
import { withSafetyNet } from '../../support/waiting.js';
import type { BrokerAction, BrokerAnswer, BrokerRequest, StartedBroker } from './broker-lines.js';

export type { MosquittoOptions };
export { USERS };

type Asked = { broker: number } & ({ what: 'start'; options: MosquittoOptions } | { what: BrokerAction });

/** The root of what Wine runs in is its drive Z:. */
function windowsName(file: string): string {
  return `Z:${file.slice((process.env['MQN_BROKER_ROOT'] ?? '').length).replaceAll('/', '\\')}`;
}

/** A name, a Pair, or a text that is not a name. */
function translated(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.startsWith('/') ? windowsName(value) : value;
  }
  return Object.fromEntries(Object.entries(value as object).map(([name, entry]) => [name, translated(entry)]));
}

const brokers = new Map<number, Mosquitto>();
const waiting = new Map<number, { resolve: (answer: BrokerAnswer) => void; reject: (error: Error) => void }>();
let connection: net.Socket | undefined;
let lastNumber = 0;

function service(): net.Socket {
  if (connection === undefined) {
    connection = net.connect(Number(process.env['MQN_BROKER_SERVICE']), '127.0.0.1');
    connection.setNoDelay(true);
    connection.on('error', (error) => {
      for (const { reject } of waiting.values()) {
        reject(error);
      }
    });
    createInterface({ input: connection }).on('line', (line) => {
      const answer = JSON.parse(line) as BrokerAnswer;
      if (answer.log !== undefined) {
        brokers.get(answer.broker!)?.wrote(answer.log);
        return;
      }
      const request = waiting.get(answer.answers!);
      waiting.delete(answer.answers!);
      if (waiting.size === 0) {
        connection!.unref();
      }
      if (answer.error === undefined) {
        request?.resolve(answer);
      } else {
        request?.reject(new Error(answer.error));
      }
    });
  }
  return connection;
}

/** Only a request that is under way keeps the process alive. */
function ask(asked: Asked): Promise<BrokerAnswer> {
  const request: BrokerRequest = { number: lastNumber += 1, ...asked };
  const answered = new Promise<BrokerAnswer>((resolve, reject) => { waiting.set(request.number, { resolve, reject }); });
  service().ref();
  service().write(`${JSON.stringify(request)}\n`);
  return withSafetyNet(`the answer of the broker service to '${request.what}'`, answered);
}

export class Mosquitto extends AnyMosquitto {
  readonly folder: string;
  readonly certificates: Certificates | undefined;

  private constructor(readonly number: number, { folder, ports, certificates }: StartedBroker) {
    super();
    this.folder = windowsName(folder);
    this.ports = ports;
    this.certificates = certificates === undefined ? undefined : translated(certificates) as Certificates;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const number = brokers.size + 1;
    const { started } = await ask({ what: 'start', broker: number, options });
    const broker = new Mosquitto(number, started!);
    brokers.set(number, broker);
    return broker;
  }

  freeze(): void {
    void this.#do('freeze');
  }

  thaw(): void {
    void this.#do('thaw');
  }

  kill(): Promise<void> {
    return this.#do('kill');
  }

  shutDown(): Promise<void> {
    return this.#do('shutDown');
  }

  restart(): Promise<void> {
    return this.#do('restart');
  }

  stop(): Promise<void> {
    return this.#do('stop');
  }

  async #do(what: BrokerAction): Promise<void> {
    await ask({ what, broker: this.number });
  }
}
