// `npm run demo`: what the library does, in under a minute. npm's script has built everything before this runs.
//
//   1. Engines: which there are here, and which one a client gets without asking.
//   2. Messages: publish at QoS 0, 1 and 2 through a real broker (Aedes, in this process) and see them come back, on each engine.
//   3. Rates: publish and receive, beside bare mqtt.js, against the null broker of the benchmarks.
//   4. What to read next.
//
// The exit code is 0 when every message that was expected was seen.
import { startBroker } from './demo/broker.mjs';
import { describeEngines } from './demo/engines.mjs';
import { showMessages } from './demo/messages.mjs';
import { showRates } from './demo/rates.mjs';
import { showReading } from './demo/reading.mjs';
import { makeTerminal } from './demo/terminal.mjs';

async function demo(terminal) {
  const { line, heading } = terminal;
  const broker = await startBroker();
  let faults = 0;
  let engines;
  try {
    heading('1. Engines');
    engines = await describeEngines(terminal, broker.url);
    heading('2. Messages, through a real broker');
    line(`Aedes runs in this process at ${broker.url}. It speaks MQTT 3.1.1, so the clients, which try 5 first, settle for that.`);
    for (const engine of engines) faults += await showMessages(terminal, broker.url, engine);
  } finally {
    await broker.stop();
  }
  heading('3. Rates');
  faults += await showRates(terminal, engines);
  heading('4. What to read next');
  await showReading(terminal);
  line();
  if (faults === 0) line(terminal.good('Every message that was expected was seen.'));
  else line(terminal.bad(`${faults} thing${faults === 1 ? '' : 's'} went wrong, see above.`));
  return faults === 0;
}

const terminal = makeTerminal(process.stdout);
try {
  if (!await demo(terminal)) process.exitCode = 1;
} catch (error) {
  terminal.settle();
  console.error(error?.code === 'ERR_MODULE_NOT_FOUND' ? `The demo needs what "npm run demo" builds first: ${error.message}` : error);
  process.exitCode = 1;
}
