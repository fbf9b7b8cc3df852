import { randomBytes } from 'node:crypto';
import { MqttError } from '../errors.js';
import { within, type Clock } from './clock.js';
import type { Connection } from './connect-to-server.js';
import { reasonOf } from './name-refusal.js';
import { skipped, StepBuilder, type Step } from './report.js';
import type { Settings } from './settings.js';

/** Not authorized; and 3.1.1's SUBACK that has one code for every failure. */
const NOT_AUTHORIZED = 0x87;
const FAILURE = 0x80;

/** Subscribes, publishes and waits for the message: each says what a client with these credentials may do. */
export async function exchangeMessage({ client, result }: Connection, settings: Settings, clock: Clock): Promise<Step[]> {
  const { topic } = settings;
  const qos = Math.min(1, result.limits.maximumQoS) as 0 | 1;
  const payload = `mqtt-native doctor ${randomBytes(8).toString('hex')}`;
  let start = 0;
  let arrived = (_milliseconds: number): void => undefined;
  const arrival = new Promise<number>((resolve) => { arrived = resolve; });

  const subscribing = new StepBuilder('subscribe').fact('topic', topic).fact('qos', qos);
  const subscribed = await tried(subscribing, settings, clock, (timeout) => client.subscribe(topic, { qos, timeout }, (message) => {
    // Others may publish to a topic that was given.
    if (message.text() === payload) arrived(Math.round(performance.now() - start));
  }));
  const subscribe = subscribing.build();
  if (!client.connected) return [subscribe, skipped('publish', 'subscribe'), skipped('receive', 'subscribe')];
  if (clock.left === 0) return [subscribe, skipped('publish', 'time'), skipped('receive', 'time')];

  const publishing = new StepBuilder('publish').fact('topic', topic).fact('qos', qos);
  start = performance.now();
  const published = await tried(publishing, settings, clock, (timeout) => client.publish(topic, payload, { qos, timeout }));
  const publish = publishing.build();
  if (!subscribed || !published) return [subscribe, publish, skipped('receive', subscribed ? 'publish' : 'subscribe')];
  if (clock.left === 0) return [subscribe, publish, skipped('receive', 'time')];

  const receiving = new StepBuilder('receive');
  const roundTrip = await within(clock.share(5_000, 0.6), arrival);
  if (roundTrip === undefined) receiving.problem('message-lost', { topic });
  else receiving.fact('roundTrip', roundTrip);
  return [subscribe, publish, receiving.build()];
}

/** Whether it was granted; if not, the step says why. */
async function tried(step: StepBuilder, settings: Settings, clock: Clock, act: (timeout: number) => Promise<unknown>): Promise<boolean> {
  try {
    await act(clock.share(10_000, 0.4));
    return true;
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    step.fact('error', error.code).fact('reasonCode', error.reasonCode);
    explain(step, error, settings);
    return false;
  }
}

function explain(step: StepBuilder, error: MqttError, { topic, secrets }: Settings): void {
  const verb = step.name as 'subscribe' | 'publish';
  const detail = secrets.hide(error.message);
  switch (error.code) {
    case 'ERR_MQTT_SUBSCRIBE':
    case 'ERR_MQTT_PUBLISH': {
      const denied = error.reasonCode === NOT_AUTHORIZED || (verb === 'subscribe' && error.reasonCode === FAILURE);
      step.problem(`${verb}-${denied ? 'denied' : 'refused'}`, { topic, reason: reasonOf(error, secrets) });
      return;
    }
    case 'ERR_MQTT_SERVER_DISCONNECT':
      if (error.reasonCode === NOT_AUTHORIZED) step.problem(`${verb}-denied`, { topic, reason: reasonOf(error, secrets) });
      else step.problem(`${verb}-closed`, { topic, detail });
      return;
    case 'ERR_MQTT_CONNECTION_LOST':
      step.problem(`${verb}-closed`, { topic, detail });
      return;
    case 'ERR_MQTT_TIMEOUT':
      step.problem(`${verb}-no-answer`, { topic });
      return;
    default:
      step.problem('probe-failed', { detail, code: error.code });
  }
}
