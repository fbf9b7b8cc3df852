// Credentials that expire: `credentials` is called before each attempt to connect. When the server refuses them the client asks again,
// instead of stopping.
//
//   MQTT_USERNAME=... MQTT_PASSWORD=... node examples/credentials-that-expire.mjs [url]
import { Client } from 'mqtt-native';

const { MQTT_USERNAME: username = 'admin', MQTT_PASSWORD: freshToken } = process.env;
const tokens = ['a token that has expired', freshToken];

/** Stands for a call to whoever issues tokens. What it throws makes the attempt fail with ERR_MQTT_CREDENTIALS. */
async function issueToken() {
  return tokens.length > 1 ? tokens.shift() : tokens[0];
}

const client = new Client(process.argv[2] ?? 'mqtt://localhost:1883', {
  async credentials() {
    console.log('credentials are asked for');
    return { username, password: await issueToken() };
  },
  reconnect: { initial: true, initialDelay: 100 }, // `initial`: the first connect() goes on, too, when it is refused
});
client.on('reconnecting', () => console.log('refused; next attempt follows'));

await client.connect();
console.log('connected');
await client.close();
