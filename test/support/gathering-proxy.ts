/** A TCP proxy that can keep what the server says until the server has ended: bytes and end then reach the client in one piece. */
import * as net from 'node:net';
import { onTestFinished } from 'vitest';

export interface GatheringProxy {
  readonly port: number;
  /** From now on nothing goes to the client before the server ends. */
  gather(): void;
}

/** Before each of its connections goes a new one to this port. Stops with the test. */
export async function gatheringProxy(to: number): Promise<GatheringProxy> {
  let gathers = false;
  const sockets = new Set<net.Socket>();
  const proxy = net.createServer((client) => {
    const server = net.connect(to, '127.0.0.1');
    const kept: Buffer[] = [];
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => server.write(data));
    client.on('close', () => server.destroy());
    server.on('data', (data) => {
      if (gathers) kept.push(data);
      else client.write(data);
    });
    server.on('end', () => client.end(Buffer.concat(kept)));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (proxy.address() as net.AddressInfo).port, gather: () => { gathers = true; } };
}
