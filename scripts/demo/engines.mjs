// Which engines there are here. Found out as an application would: by connecting.
import { Client } from 'mqtt-native';

/** Says what each engine is, and returns the names of those that work: 'native', 'js'. */
export async function describeEngines({ line, bold, bad }, url) {
  const engines = [];
  for (const engine of ['native', 'js']) {
    const client = new Client(url, { engine });
    try {
      await client.connect();
      line(`${bold(engine.padEnd(8))}${client.engine.version}`);
      engines.push(engine);
      await client.close();
    } catch (error) {
      if (error.code !== 'ERR_MQTT_ENGINE_UNAVAILABLE') throw error;
      const [what, ...attempts] = error.message.split('\n');
      line(`${bold(engine.padEnd(8))}${bad('not available')}: ${what}`);
      for (const attempt of attempts) line(`${' '.repeat(8)}${attempt.trim()}`);
    }
  }
  const client = new Client(url);
  await client.connect();
  line(`A client that asks for none gets ${bold(client.engine.name)}, because: ${client.engine.reason}.`);
  await client.close();
  if (!engines.includes('native')) line('The demo goes on with the js engine alone.');
  return engines;
}
