'use strict';
// Loads the package twice and lets a client of each exchange messages with the other.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const [engine, url, how] = process.argv.slice(2);
const root = path.dirname(require.resolve('mqtt-native/package.json'));
const first = require('mqtt-native');
let copy;

function loadAgain() {
  if (how === 'same-file') {
    for (const file of Object.keys(require.cache)) {
      if (file.startsWith(path.join(root, 'dist')) || file.endsWith('.node')) delete require.cache[file];
    }
    return require('mqtt-native');
  }
  copy = fs.mkdtempSync(path.join(os.tmpdir(), 'mqtt-native-twice-'));
  fs.cpSync(path.join(root, 'dist'), path.join(copy, 'dist'), { recursive: true });
  fs.copyFileSync(path.join(root, 'package.json'), path.join(copy, 'package.json'));
  const addon = path.join('build', 'Release', 'mqtt_native.node');
  if (fs.existsSync(path.join(root, addon))) {
    fs.mkdirSync(path.join(copy, 'build', 'Release'), { recursive: true });
    fs.copyFileSync(path.join(root, addon), path.join(copy, addon));
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  return require(copy);
}

async function exchange(name, Sender, Receiver) {
  const topic = `twice/${process.pid}/${name}`;
  const sender = new Sender(url, { engine });
  const receiver = new Receiver(url, { engine });
  await Promise.all([sender.connect(), receiver.connect()]);
  if (sender.engine.name !== engine || receiver.engine.name !== engine) throw new Error('another engine than asked for');
  let received = 0;
  const all = new Promise((resolve) => { receiver.on('message', () => { if (++received === 200) resolve(); }); });
  await receiver.subscribe(topic, { qos: 2 });
  await Promise.all(Array.from({ length: 200 }, (_, index) => sender.publish(topic, String(index), { qos: index % 3 })));
  await all;
  await Promise.all([sender.close(), receiver.close()]);
  return received;
}

(async () => {
  // The first one is in use before the second one is loaded.
  const early = new first.Client(url, { engine });
  await early.connect();
  const second = loadAgain();
  console.log(first.Client === second.Client ? 'one class' : 'two classes');
  const [a, b] = await Promise.all([exchange('a', first.Client, second.Client), exchange('b', second.Client, first.Client)]);
  console.log(`first: ${a} messages`);
  console.log(`second: ${b} messages`);
  await early.close();
  if (copy !== undefined) fs.rmSync(copy, { recursive: true, force: true });
  console.log('done');
})();
