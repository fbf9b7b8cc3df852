// The same as typed.mts, in TypeScript that becomes CommonJS.
import { Client } from 'mqtt-native';
import type { ConnectResult } from 'mqtt-native';

interface Report {
  sharedObjects: string[];
}

async function main(): Promise<void> {
  const client: Client = new Client(process.argv[2]!);
  const { engine }: ConnectResult = await client.connect();
  await client.publish(process.argv[3]!, 'from typed.cts', { qos: 1 });
  // @ts-expect-error: there is no such verb
  if ('send' in client) await client.send();
  await client.close();
  const addons = (process.report.getReport() as unknown as Report).sharedObjects.filter((file) => file.endsWith('.node'));
  console.log(JSON.stringify({ engine: engine.name, addons }));
}

void main();
