'use strict';
// Each worker makes the addon's environment and calls its functions without end, until it is terminated at a moment of its own.
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const { nativeEnvironment } = require('../../../dist/engine/native/environment.js');
const { toNativeOpen } = require('../../../dist/engine/native/to-native.js');

const WORKERS = 40;

function callWithoutEnd() {
  const { binding } = nativeEnvironment();
  const client = binding.createClient();
  const filters = Array.from({ length: 200 }, (_, index) => `filter/${index}`);
  const options = new Uint8Array(filters.length);
  const open = toNativeOpen({ transport: 'tcp', host: '127.0.0.1', port: 1, protocolVersion: 5, clientId: 'c', cleanStart: true });
  parentPort.postMessage('calling');
  for (;;) {
    binding.open(client, open);
    binding.subscribe(client, 1, filters, options, undefined);
    binding.wake();
  }
}

async function main() {
  for (let i = 0; i < WORKERS; i += 1) {
    const worker = new Worker(__filename);
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await new Promise((resolve) => { setTimeout(resolve, i % 8); });
    await worker.terminate();
  }
  console.log(`${WORKERS} workers ended`);
}

if (isMainThread) void main();
else callWithoutEnd();
