// TLS with a certificate of the client. The server's certificate is checked against the authority given here, and so is its host name.
//
//   node examples/tls-client-certificate.mjs mqtts://host:8883 ca.pem client.pem client.key
//
// Environment: KEY_PASSPHRASE opens an encrypted key.
import { Client } from 'mqtt-native';

const [url = 'mqtts://localhost:8883', ca, cert, key] = process.argv.slice(2);

// Files are read at connect(). PEM text or bytes can be given as well.
const client = new Client(url, { tls: { ca, cert, key, passphrase: process.env.KEY_PASSPHRASE } });

try {
  await client.connect();
  console.log('connected: each side has checked the certificate of the other');
  await client.publish('examples/tls', 'encrypted', { qos: 1 });
  console.log('published');
  await client.close();
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
