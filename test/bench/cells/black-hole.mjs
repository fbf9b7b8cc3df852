// Two servers that never answer, until standard input is closed: one that accepts connections and says nothing, and one whose backlog is
// full, so that the kernel drops what would open a connection. Prints both ports as JSON.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const silent = createServer((socket) => { socket.on('error', () => {}).resume(); }).listen(0, '127.0.0.1');
await once(silent, 'listening');

// Its thread listens and then never looks again.
const deaf = new Worker(`
  const { createServer } = require('node:net');
  const server = createServer().listen(0, '127.0.0.1', 1, () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`, { eval: true });
const [port] = await once(deaf, 'message');
const filling = [];
for (let refused = 0; refused < 2;) {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  filling.push(socket);
  refused += await Promise.race([once(socket, 'connect').then(() => 0), sleep(200, 1)]);
}
console.log(JSON.stringify({ silent: silent.address().port, full: port }));
process.stdin.resume().once('end', () => process.exit());
