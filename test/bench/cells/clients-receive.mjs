// One sample of many clients that receive at QoS 1: the same number of messages in all, sent to every client at once as fast as each takes
// its share. The broker waits until all have subscribed. What is measured is the time from the last message of the warm-up until the last
// of all.
import { setImmediate as immediate } from 'node:timers/promises';
import { makeComparer } from '../payload.mjs';
import { expectReceived } from './expect.mjs';
import { checkEach, closeMany, forEach, openMany } from './many.mjs';
import { mainThreadCpu } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const COMPARED = 10_000; // messages compared byte by byte behind the measured ones, at least one a client

await runScenario(async (open, plan) => {
  const { clients, messages, size, share } = plan;
  const libraries = await openMany(open, plan, clients);
  const each = Math.ceil(messages / clients), total = each * clients;
  const problems = [];
  const measured = await receive(libraries, `flood/${each}/${size}/1`, total, Math.ceil(total * share), problems);
  const compared = Math.ceil(COMPARED / clients);
  await compare(libraries, `flood/${compared}/${size}/1`, compared, size, problems);
  await checkEach(libraries, problems, ({ sent, acked }) => acked === sent, (own, report) => {
    expectReceived(own, report, { total: each + compared, qos: 1 });
  });
  await closeMany(libraries);
  return { ...libraries[0].about, ...measured, clients, total, each, compared, problems };
});

function mark() {
  return { time: performance.now(), main: mainThreadCpu(), all: process.cpuUsage() };
}

/** Each client with a listener of its own; other topics than the filter's do not reach it. Returns how to end that. */
async function subscribeAll(libraries, filter, makeListener) {
  const stops = [];
  await forEach(libraries, (library) => {
    const listener = makeListener();
    // A subscription without a listener keeps its first messages for a loop that may come: a thousand clients keep all there are.
    if (library.listen) return library.listen(filter, 1, listener);
    stops.push(library.onMessage((topic, payload) => { if (topic === filter) listener(topic, payload); }));
    return library.subscribe(filter, 1);
  });
  return async () => {
    for (const stop of stops) stop();
    await forEach(libraries, (library) => library.unsubscribe(filter));
  };
}

/** `from`: that many messages are the warm-up, at least 1. */
async function receive(libraries, filter, total, from, problems) {
  let done = 0, wrong = 0, start, end;
  const stop = await subscribeAll(libraries, filter, () => {
    let expected = 0;
    return (topic, payload) => {
      if ((payload[0] | payload[1] << 8 | payload[2] << 16 | payload[3] << 24) !== expected++) wrong++;
      if (++done === from) start = mark();
      else if (done === total) end = mark();
    };
  });
  while (done < total) await immediate();
  await stop();
  const count = total - from, time = end.time - start.time;
  if (wrong > 0) problems.push(`${wrong} messages did not have the sequence number expected`);
  const cpu = ({ user, system }) => user + system;
  return {
    rate: count / time * 1000,
    mainNs: end.main === undefined ? null : (end.main - start.main) / count,
    processNs: (cpu(end.all) - cpu(start.all)) * 1000 / count,
    rss: process.memoryUsage.rss(),
  };
}

/** Every byte of some more messages of each client. */
async function compare(libraries, filter, each, size, problems) {
  const isRight = makeComparer(size);
  let done = 0, corrupt = 0;
  const stop = await subscribeAll(libraries, filter, () => {
    let expected = 0;
    return (topic, payload) => {
      if (topic !== filter || !isRight(payload, expected++)) corrupt++;
      done++;
    };
  });
  while (done < each * libraries.length) await immediate();
  await stop();
  if (corrupt > 0) problems.push(`${corrupt} of ${done} messages differ from what was sent`);
}
