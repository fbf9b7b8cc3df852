// One client on one engine: connect, subscribe, publish at each QoS, see what comes back.
import { Client } from 'mqtt-native';

const PATIENCE = 5000; // ms until a message that has not come counts as missing

/** Returns how many messages are missing or wrong. */
export async function showMessages({ line, bold, dim, bad, update }, url, engine) {
  const prefix = `demo/${engine}`;
  const expected = [
    { topic: `${prefix}/lamp`, payload: 'on', qos: 0 },
    { topic: `${prefix}/temperature`, payload: '{"celsius":21.5}', qos: 1 },
    { topic: `${prefix}/order`, payload: 'two teas, exactly once', qos: 2 },
  ];
  const seen = [];
  update(`${engine} connects ...`);
  const client = new Client(url, { engine });
  const start = performance.now();
  const { protocolVersion } = await client.connect();
  const time = performance.now() - start;
  line();
  const spoken = protocolVersion === 4 ? '3.1.1' : String(protocolVersion);
  line(`${bold(`${client.engine.name} engine`)}: connected with MQTT ${spoken} in ${time.toFixed(0)} ms`);
  let allSeen;
  const seeAll = new Promise((resolve) => { allSeen = resolve; });
  await client.subscribe(`${prefix}/#`, { qos: 2 }, (message) => {
    const { topic, qos } = message, payload = message.text();
    seen.push({ topic, payload, qos });
    line(`  received   QoS ${qos}  ${topic}  ${payload}`);
    if (seen.length === expected.length) allSeen();
  });
  line(`  subscribed ${prefix}/# at QoS 2`);
  for (const { topic, payload, qos } of expected) {
    await client.publish(topic, payload, { qos });
    line(dim(`  published  QoS ${qos}  ${topic}${qos === 0 ? '' : ', acknowledged by the broker'}`));
  }
  const timer = setTimeout(allSeen, PATIENCE);
  await seeAll;
  clearTimeout(timer);
  await client.close();
  let faults = 0;
  for (const wanted of expected) {
    const found = seen.filter((one) => one.topic === wanted.topic && one.payload === wanted.payload && one.qos === wanted.qos).length;
    if (found === 1) continue;
    faults++;
    line(bad(`  ${wanted.topic} at QoS ${wanted.qos} should have come once and came ${found} times`));
  }
  if (seen.length > expected.length) {
    faults++;
    line(bad(`  ${seen.length} messages came and ${expected.length} were published`));
  }
  return faults;
}
