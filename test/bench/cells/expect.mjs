// What the null broker must have counted when nothing was lost, repeated, disordered or changed, and how it is asked.
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_TIME = 10_000;

export function expectPublished(problems, report, { total, size, qos }) {
  expect(problems, report, {
    messages: total, bytes: total * size, [`qos${qos}`]: total, unchecked: size < 4 ? total : 0,
    gaps: 0, duplicates: 0, corrupt: 0, resent: 0, misusedIds: 0, overQuota: 0, openIds: 0,
  });
}

export function expectReceived(problems, report, { total, qos }) {
  expect(problems, report, { sent: total, acked: qos === 0 ? 0 : total, badAcks: 0, inFlight: 0, messages: 0 });
}

/** QoS 1 both ways; the client has compared what came back. */
export function expectEchoed(problems, report, { total, size }) {
  expect(problems, report, {
    messages: total, bytes: total * size, qos1: total, sent: total, sentBytes: total * size, acked: total,
    resent: 0, misusedIds: 0, overQuota: 0, badAcks: 0, inFlight: 0,
  });
}

function expect(problems, report, expected) {
  for (const [name, value] of Object.entries(expected)) {
    if (report[name] !== value) problems.push(`the broker's ${name} is ${report[name]}, not ${value}`);
  }
}

/** The broker's counters: of this connection, and of all. */
export async function askBroker(library) {
  const text = await new Promise((resolve, reject) => {
    const stop = library.onMessage((topic, payload) => {
      if (topic !== 'report') return;
      stop();
      resolve(Buffer.from(payload).toString());
    });
    library.subscribe('report', 0).catch(reject);
  });
  await library.unsubscribe('report');
  return JSON.parse(text);
}

/** Asks the broker for its counters until `complete` says that all has arrived, or gives the last ones. */
export async function reportWhen(library, complete) {
  for (const until = performance.now() + SETTLE_TIME; ;) {
    const { connection } = await askBroker(library);
    if (complete(connection) || performance.now() > until) return connection;
    await sleep(20);
  }
}
