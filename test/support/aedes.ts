/** Aedes within the test's own process: a broker of MQTT 3.1.1 that needs no installation. */
import * as net from 'node:net';
import { Aedes } from 'aedes';
import type { AedesOptions } from 'aedes';

export class AedesBroker {
  private constructor(readonly aedes: Aedes, readonly server: net.Server) {}

  static async start(options: AedesOptions = {}): Promise<AedesBroker> {
    const aedes = await Aedes.createBroker(options);
    const server = net.createServer(aedes.handle);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new AedesBroker(aedes, server);
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => { this.aedes.close(() => resolve()); });
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}
