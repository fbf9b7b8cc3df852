/** Aedes within the test's own process: a broker of MQTT 3.1.1 that needs no installation. */
import * as net from 'node:net';
import { Aedes } from 'aedes';
import type { AedesOptions } from 'aedes';

/** Attempts to listen on its old port again, should somebody hold it for a moment. */
const LISTEN_ATTEMPTS = 50;

export class AedesBroker {
  readonly #port: number;
  readonly #sockets = new Set<net.Socket>();

  private constructor(readonly aedes: Aedes, readonly server: net.Server) {
    this.#port = (server.address() as net.AddressInfo).port;
    server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

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
    return this.#port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Cuts its connections and does not listen. Sessions and retained messages stay, as they would in a broker that stores them. */
  async leave(): Promise<void> {
    const closed = new Promise<void>((resolve) => { this.server.close(() => resolve()); });
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  /** Listens again, after leave(). */
  async comeBack(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await new Promise<void>((resolve, reject) => {
          this.server.once('error', reject);
          this.server.listen(this.#port, '127.0.0.1', () => {
            this.server.off('error', reject);
            resolve();
          });
        });
        return;
      } catch (error) {
        if (attempt === LISTEN_ATTEMPTS) {
          throw error;
        }
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => { this.aedes.close(() => resolve()); });
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}
