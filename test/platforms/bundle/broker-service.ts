/**
 * Mosquitto on this machine for tests that run where it does not, under Wine: starts, freezes and ends brokers for who asks on a port of
 * the loopback. One line of JSON a request and an answer; what a broker writes comes as it is written.
 */
import * as net from 'node:net';
import { createInterface } from 'node:readline';
import { Mosquitto } from '../../support/mosquitto.js';
import type { BrokerAnswer, BrokerRequest } from './broker-lines.js';

/** How often a broker's log is looked at, in ms. */
const LOG_INTERVAL = 5;

async function serve(socket: net.Socket): Promise<void> {
  const brokers = new Map<number, Mosquitto>();
  const answer = (line: BrokerAnswer): void => { socket.write(`${JSON.stringify(line)}\n`); };
  const logged = new Map<number, number>();
  const sendLogs = (): void => {
    for (const [broker, { log }] of brokers) {
      const from = logged.get(broker) ?? 0;
      if (log.length > from) {
        answer({ broker, log: log.slice(from) });
        logged.set(broker, log.length);
      }
    }
  };
  const timer = setInterval(sendLogs, LOG_INTERVAL);

  async function execute(request: BrokerRequest): Promise<Omit<BrokerAnswer, 'answers'>> {
    if (request.what === 'start') {
      const broker = await Mosquitto.start(request.options);
      brokers.set(request.broker, broker);
      const { folder, ports, certificates } = broker;
      return { started: { folder, ports, ...(certificates ? { certificates: { ...certificates } } : {}) } };
    }
    await brokers.get(request.broker)![request.what]();
    // The log of what was done is there before the answer.
    sendLogs();
    return {};
  }

  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearInterval(timer);
    for (const broker of brokers.values()) {
      void broker.stop();
    }
  });
  for await (const line of createInterface({ input: socket })) {
    const request = JSON.parse(line) as BrokerRequest;
    try {
      answer({ answers: request.number, ...await execute(request) });
    } catch (error) {
      answer({ answers: request.number, error: String(error) });
    }
  }
}

const server = net.createServer((socket) => { void serve(socket).catch(() => undefined); });
server.listen(0, '127.0.0.1', () => console.log((server.address() as net.AddressInfo).port));
// The driver holds our standard input; when it is gone, so are we.
process.stdin.on('end', () => process.exit(0)).resume();
