'use strict';
// Makes and ends clients one after another; prints as JSON what grew between the two hundredth and the last.
const fs = require('node:fs');
const { Client } = require('mqtt-native');

const [engine, url, how, ca] = process.argv.slice(2);
const options = { engine, ...(how.startsWith('tls') ? { tls: { ca } } : {}) };

async function cycle() {
  const client = new Client(url, options);
  await client.connect();
  await client.subscribe(`cycle/${process.pid}`, { qos: 1 });
  await client.publish(`cycle/${process.pid}`, Buffer.alloc(1000), { qos: 1 });
  const closed = new Promise((resolve) => { client.once('close', resolve); });
  if (how === 'close') await client.close();
  else client.destroy();
  await closed;
}

/** Lets sockets that were ended get their 'close', and garbage be collected. */
async function settle() {
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => { setImmediate(resolve); });
    if (turn % 10 === 9) global.gc();
  }
}

async function measure() {
  await settle();
  let descriptors = 0;
  if (fs.existsSync('/proc/self/fd')) {
    // A socket that was destroyed is closed by another thread on the native engine: the count is read until it falls no further.
    let last = Infinity;
    descriptors = fs.readdirSync('/proc/self/fd').length;
    while (descriptors < last) {
      last = descriptors;
      await settle();
      descriptors = fs.readdirSync('/proc/self/fd').length;
    }
  }
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  // What V8 has reserved for its heap is its own policy: it counts by what is used of it.
  return { outside: rss - heapTotal, heap: heapUsed, resources: process.getActiveResourcesInfo().length, descriptors };
}

/**
 * Garbage is collected every fifty cycles: what it occupies at its peak, and leaves behind as holes in the allocator's memory, is no
 * growth.
 */
async function cycles(count) {
  for (let index = 1; index <= count; index += 1) {
    await cycle();
    if (index % 50 === 0) await settle();
  }
  return count;
}

(async () => {
  await cycles(200);
  const before = await measure();
  const count = await cycles(200);
  const after = await measure();
  console.log(JSON.stringify({
    cycles: count,
    outside: after.outside - before.outside,
    heap: after.heap - before.heap,
    resources: [before.resources, after.resources],
    descriptors: [before.descriptors, after.descriptors],
  }));
})();
