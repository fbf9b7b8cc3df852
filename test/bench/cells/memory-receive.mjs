// A consumer that is slow at first, then fast, and a broker that sends as fast as it may: what the consumer has not taken stays with the
// broker. At QoS 1 the broker must not hear of a message before its handler is done, and in both phases the keep-alive holds.
//
//   node memory-receive.mjs '{"library":"mqttjs.mjs","port":1883,"way":"handler","qos":1,"total":100000,"size":1024,"slowSeconds":20,
//     "keepAlive":5,"cap":1e9}'
import { setTimeout as sleep } from 'node:timers/promises';
import { makeComparer } from '../payload.mjs';
import { askBroker, expectReceived, reportWhen } from './expect.mjs';
import { watchResident } from './resident.mjs';
import { runScenario } from './scenario.mjs';

const GATE_AT = 500;    // the handler of this message takes GATE_TIME, and meanwhile the broker has heard of those before it at most
const GATE_TIME = 600;
const ASK_EVERY = 500;

await runScenario(async (open, plan) => {
  const { way, qos, total, size, slowSeconds, keepAlive, cap } = plan;
  const control = await open({ ...plan, keepAlive: undefined });
  let asking = Promise.resolve();
  const ask = async () => (await (asking = asking.then(() => askBroker(control)))).broker;
  const library = await open(plan);
  const isRight = makeComparer(size);
  const problems = [];
  let begun = 0, done = 0, corrupt = 0, early = 0, stopped, finish, atGate = null;
  const finished = new Promise((resolve) => { finish = resolve; });

  const work = async (payload, number) => {
    if (number === GATE_AT && qos > 0) atGate = await gate();
    else if (performance.now() < slowUntil) await sleep(1);
    // Looked at when the work is over: so long the bytes must stay what they were.
    if (!isRight(payload, number)) corrupt++;
    if (++done === total) finish();
  };
  /** Nothing is finished while it waits, so the broker can have heard of the messages before this one and no other. */
  const gate = async () => {
    const until = performance.now() + GATE_TIME;
    let acked = 0;
    while (performance.now() < until) {
      ({ acked } = await ask());
      if (acked > GATE_AT) problems.push(`the broker has heard of ${acked} messages, and ${GATE_AT} were handled`);
      await sleep(20);
    }
    return acked;
  };
  // A consumer that takes 1 ms each takes one after the other.
  let last = Promise.resolve();
  const inTurn = (payload) => {
    const number = begun++;
    if (performance.now() >= slowUntil && number === done) return work(payload, number);
    return (last = last.then(() => work(payload, number)));
  };

  const resident = watchResident(cap, (growth) => {
    stopped = growth;
    finish();
  });
  const start = performance.now(), slowUntil = start + slowSeconds * 1000;
  const filter = `flood/${total}/${size}/${qos}`;
  if (way === 'loop' && library.handleInLoop) await library.handleInLoop(filter, qos, (payload) => work(payload, begun++));
  else await library.handle(filter, qos, inTurn);

  let growthSlow = 0, doneSlow = 0, asked = 0;
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted && stopped === undefined) {
      const { acked } = await ask();
      // What the broker had heard of when it answered was handled before that.
      if (acked > done) early++;
      asked++;
      if (performance.now() < slowUntil) {
        growthSlow = Math.max(growthSlow, resident.now());
        doneSlow = done;
      }
      await sleep(ASK_EVERY, undefined, { signal: watching.signal }).catch(() => {});
    }
  })();
  await finished;
  const time = performance.now() - start, growth = resident.stop();
  watching.abort();
  await watch;
  if (stopped !== undefined) return { ...library.about, total: done, time, growth, growthSlow, doneSlow, stopped, problems };

  const report = await reportWhen(library, ({ sent, acked }) => qos === 0 || acked === sent);
  const { accepted } = await ask();
  if (corrupt > 0) problems.push(`${corrupt} messages differ from what was sent, or came out of order`);
  if (early > 0) problems.push(`${early} of ${asked} times the broker had heard of a message before its handler was done`);
  if (qos > 0 && atGate !== GATE_AT) problems.push(`at the gate the broker had heard of ${atGate} messages, not ${GATE_AT}`);
  if (accepted !== 2) problems.push(`${accepted - 2} connections were lost`);
  const silence = report.silenceNs / 1e9;
  if (silence > keepAlive * 1.5) problems.push(`the client was silent for ${silence.toFixed(1)} s with a keep-alive of ${keepAlive} s`);
  if (begun !== total) problems.push(`${begun} messages came, not ${total}`);
  expectReceived(problems, report, { total, qos });
  await library.close();
  await control.close();
  const { pings } = report;
  const seen = { total: done, time, lost: accepted - 2, growthSlow, doneSlow, silence, pings };
  return { ...library.about, ...seen, before: resident.before, growth, problems, report };
});
