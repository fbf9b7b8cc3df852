import { MqttError } from '../errors.js';
import { utf8Problem } from './utf8.js';

/**
 * The last topics found valid and their length in bytes. A publisher uses the same few again and again, and looking one up is cheaper than
 * reading it. Bounded twice: by number, and by leaving long topics out.
 */
const validTopics = new Map<string, number>();
const MAX_CACHED = 4096;
const MAX_CACHED_LENGTH = 256;

function topicError(topic: string, problem: string): MqttError {
  return new MqttError('ERR_MQTT_TOPIC', `the topic name ${quote(topic)} ${problem}`);
}

function filterError(filter: string, problem: string): MqttError {
  return new MqttError('ERR_MQTT_FILTER', `the topic filter ${quote(filter)} ${problem}`);
}

/** Short, printable on one line, and never ill-formed itself. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/** The length in bytes of a topic name one may publish to; throws ERR_MQTT_TOPIC for any other. */
export function topicBytes(topic: string): number {
  const known = validTopics.get(topic);
  return known !== undefined ? known : checkTopic(topic);
}

function checkTopic(topic: unknown): number {
  if (typeof topic !== 'string') throw new MqttError('ERR_MQTT_TOPIC', 'the topic name must be a string');
  if (topic.length === 0) throw new MqttError('ERR_MQTT_TOPIC', 'the topic name is empty');
  const problem = utf8Problem(topic);
  if (problem !== undefined) throw topicError(topic, problem);
  if (topic.includes('+') || topic.includes('#')) throw topicError(topic, 'has a wildcard; only filters may have one');
  const bytes = Buffer.byteLength(topic);
  if (topic.length <= MAX_CACHED_LENGTH) {
    if (validTopics.size === MAX_CACHED) validTopics.clear();
    validTopics.set(topic, bytes);
  }
  return bytes;
}

/** The parts of `$share/<name>/<filter>`; undefined for a filter that is not shared. The filter must have been checked. */
export function sharedParts(filter: string): { name: string; filter: string } | undefined {
  if (!filter.startsWith('$share/')) return undefined;
  const end = filter.indexOf('/', 7);
  return { name: filter.slice(7, end), filter: filter.slice(end + 1) };
}

/** Whether a checked filter has a wildcard. */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#');
}

/** Throws ERR_MQTT_FILTER unless one may subscribe to it (4.7, 4.8.2). */
export function checkFilter(filter: unknown): asserts filter is string {
  if (typeof filter !== 'string') throw new MqttError('ERR_MQTT_FILTER', 'a topic filter must be a string');
  if (filter.length === 0) throw new MqttError('ERR_MQTT_FILTER', 'the topic filter is empty');
  const problem = utf8Problem(filter);
  if (problem !== undefined) throw filterError(filter, problem);
  let plain = filter;
  if (filter === '$share' || filter.startsWith('$share/')) {
    const end = filter.indexOf('/', 7);
    const name = end < 0 ? '' : filter.slice(7, end);
    if (name === '' || end + 1 >= filter.length) throw filterError(filter, 'must be $share/<name>/<filter>');
    if (name.includes('+') || name.includes('#')) throw filterError(filter, 'has a wildcard in the name of the shared subscription');
    plain = filter.slice(end + 1);
  }
  for (let at = plain.indexOf('#'); at >= 0; at = plain.indexOf('#', at + 1)) {
    if (at !== plain.length - 1 || (at > 0 && plain[at - 1] !== '/')) throw filterError(filter, 'has a # that is not a whole level at its end');
  }
  for (let at = plain.indexOf('+'); at >= 0; at = plain.indexOf('+', at + 1)) {
    if ((at > 0 && plain[at - 1] !== '/') || (at + 1 < plain.length && plain[at + 1] !== '/')) {
      throw filterError(filter, 'has a + that is not a whole level');
    }
  }
}
