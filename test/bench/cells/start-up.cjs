// One sample of start-up, in a process of its own: from before require() of a library to its first connection. Nothing is loaded before it,
// so this file takes part in none of the others' modules. Behind the measured time a publish at QoS 1 shows that the connection serves.
//
//   node start-up.cjs '{"peer":"mqttjs","port":1883}'
const { peer, engine, port } = JSON.parse(process.argv[2]);
const url = `mqtt://127.0.0.1:${port}`;

const WAYS = {
  async 'mqtt-native'() {
    const { Client } = require('mqtt-native');
    const client = new Client(url, { engine });
    await client.connect();
    return {
      about: { name: `mqtt-native, ${client.engine.name} engine`, version: client.engine.version },
      publish: () => client.publish('other/t', 'x', { qos: 1 }), close: () => client.close(),
    };
  },
  async mqttjs() {
    const mqtt = require('mqtt');
    const client = await mqtt.connectAsync(url);
    return {
      about: { name: 'mqtt.js', version: require('mqtt/package.json').version },
      publish: () => client.publishAsync('other/t', 'x', { qos: 1 }), close: () => client.endAsync(),
    };
  },
};

(async () => {
  const begin = performance.now();
  const { about, publish, close } = await WAYS[peer]();
  const connected = performance.now(); // since the start of this process, as Node counts it
  const usage = process.cpuUsage(), modules = Object.keys(require.cache).length, rss = process.memoryUsage.rss();
  await publish();
  await close();
  console.log(JSON.stringify({
    ...about, ms: connected - begin, sinceStart: connected, cpuMs: (usage.user + usage.system) / 1000, modules, rss, problems: [],
  }));
})();
