'use strict';
// Sends itself a message and prints, as one line of JSON, which engine did it and what was warned of: node try-engine.cjs <url> <engine>
// [workers]. With workers, that many of them do the same at the same time, and so does this thread.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

async function attempt(url, engine) {
  const { Client, EngineUnavailableError, describeHost } = require('mqtt-native');
  const client = new Client(url, { engine, reconnect: false });
  const result = { host: describeHost(), env: process.env.LIBC ?? null };
  try {
    await client.connect();
    const topic = `loading/${process.pid}/${Math.random()}`;
    const arrived = new Promise((resolve) => client.on('message', (message) => resolve(message.text())));
    await client.subscribe(topic, { qos: 1 });
    await client.publish(topic, 'hello 你好', { qos: 1 });
    result.message = await arrived;
    result.engine = { ...client.engine };
    await client.close();
  } catch (error) {
    client.destroy();
    result.error = { code: error.code, message: error.message };
    if (error instanceof EngineUnavailableError) {
      const plain = ({ engine, file, error: { message, cause } }) => ({ engine, file, message, cause: cause?.code });
      result.attempts = error.attempts.map(plain);
    }
  }
  return result;
}

function startWorker(url, engine) {
  return new Promise((resolve, reject) => {
    new Worker(__filename, { workerData: { url, engine } }).once('message', resolve).once('error', reject);
  });
}

if (isMainThread) {
  const [url, engine, workers = '0'] = process.argv.slice(2);
  if (workers !== '0') require('mqtt-native');
  Promise.all([...Array.from({ length: Number(workers) }, () => startWorker(url, engine)), attempt(url, engine)]).then((results) => {
    console.log(JSON.stringify(results));
  });
} else {
  attempt(workerData.url, workerData.engine).then((result) => parentPort.postMessage(result));
}
