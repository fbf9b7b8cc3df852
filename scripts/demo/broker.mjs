// Aedes, a broker in JavaScript, in this process on a free port.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

export async function startBroker() {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `mqtt://127.0.0.1:${server.address().port}`,
    async stop() {
      await new Promise((resolve) => { aedes.close(resolve); });
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}
