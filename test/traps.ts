/**
 * The traps of Paho C and mqtt.js that this client was built around, and for each one the case that fails when it bites a user again.
 * test/unit/tables.test.ts checks that every case named here exists.
 */
import type { Evidence } from './support/evidence.js';

export interface Trap {
  /** 1 to 28: Paho C; 101 to 107: mqtt.js. */
  readonly number: number;
  /** What happens to a user who meets it. */
  readonly trap: string;
  readonly cases: readonly Evidence[];
}

const wire = (file: string, name: string): Evidence => ({ file: `wire/${file}.test.ts`, case: name });
const contract = (file: string, name: string): Evidence => ({ file: `contract/${file}.test.ts`, case: name });
const unit = (file: string, name: string): Evidence => ({ file: `unit/${file}.test.ts`, case: name });
/** A function of a C test. */
const native = (file: string, name: string): Evidence => ({ file: `native/${file}_test.c`, case: name });

export const TRAPS: readonly Trap[] = [
  {
    number: 1, trap: 'one mutex for all clients: a slow callback of one blocks the calls of another',
    cases: [
      wire('traps', 'a listener that blocks does not keep the publishes of another client from the wire [trap 1]'),
      wire('traps', 'a handler that never finishes holds its own acknowledgements and nobody else [trap 1]'),
      unit('native-environment', 'a client that never gets done does not keep the messages of another'),
    ],
  },
  {
    number: 2, trap: 'calls from within callbacks deadlock',
    cases: [
      wire('traps', 'verbs and properties work within the listener of every event [trap 2]'),
      contract('messages', 'a listener may publish, subscribe and unsubscribe'),
      contract('messages', 'a listener may close the client in the middle of a burst'),
    ],
  },
  {
    number: 3, trap: 'destroying the last client waits for threads, up to a second',
    cases: [wire('traps', 'the last client of the process ends at once, a hundred times over [trap 3]')],
  },
  {
    number: 4, trap: 'name look-up blocks every client',
    cases: [
      native('core_resolve', 'hanging_lookups_hold_up_nobody'),
      wire('traps', 'a name whose look-up never ends does not hold up another client [trap 4]'),
    ],
  },
  {
    number: 5, trap: 'a pending TCP connect takes a whole processor',
    cases: [native('transport_tcp', 'pending_connect_does_not_spin'), native('core_pressure', 'pending_connect_sleeps')],
  },
  {
    number: 6, trap: 'disconnect() while connecting is refused and the client connects anyway; connect() of a connected client never answers',
    cases: [
      wire('traps', 'close() while connecting ends the attempt, and an acceptance that comes too late connects nobody [trap 6]'),
      wire('traps', 'connect() of a connected client answers, with the same connection [trap 6]'),
    ],
  },
  {
    number: 7, trap: 'a SUBSCRIBE in flight when the link drops never ends',
    cases: [
      wire('connection-end', 'the server ends with ${how}: ERR_MQTT_CONNECTION_LOST for the connection and for each request, once'),
      wire('connection-end', 'a request without an answer ends with ERR_MQTT_TIMEOUT after operationTimeout, alone'),
      wire('reconnect', 'a SUBSCRIBE and an UNSUBSCRIBE in flight when the link is lost are answered on the next one, or fail: they settle'),
    ],
  },
  {
    number: 8, trap: 'one failed look-up is reported five or six times',
    cases: [
      wire('traps', 'a name that does not exist is one failed attempt, and the next server is tried once [trap 8]'),
      native('transport_tcp', 'unknown_name_is_a_resolve_error'),
    ],
  },
  {
    number: 9, trap: 'messages of a resumed session have nobody who hears what becomes of them',
    cases: [
      wire('reconnect', 'session present: resent PUBLISH and PUBREL, then SUBSCRIBE that waited, then what was queued [MQTT-4.4.0-1] [MQTT-4.6.0-1]'),
      wire('reconnect', 'what was resent once and cut again is resent again, and settles once'),
    ],
  },
  {
    number: 10, trap: 'an acknowledgement does not wake the sender: a small window means 12 messages a second',
    cases: [
      wire('window', 'Receive Maximum 2: the third PUBLISH waits for a PUBACK [MQTT-3.3.4-7] [MQTT-4.9.0-2]'),
      wire('traps', 'a window of two does not wait for any timer: 1,000 messages, each released by an acknowledgement [trap 10]'),
      contract('stock-broker', '500 messages of QoS 2 at once all arrive, once and in order [MQTT-4.3.3]'),
    ],
  },
  {
    number: 11, trap: 'the offline buffer of 100 counts while connected: most of a burst is refused',
    cases: [
      contract('publish', '2,000 messages of QoS ${qos} arrive once each and in order'),
      wire('traps', '70,000 messages of one client wait, and another one publishes 1,000 meanwhile [traps 11, 12]'),
    ],
  },
  {
    number: 12, trap: '65,535 identifiers given when queued and looked up over all clients: a backlog of one slows the others, and is refused',
    cases: [
      wire('traps', '70,000 messages of one client wait, and another one publishes 1,000 meanwhile [traps 11, 12]'),
      wire('traps', 'ten clients number their messages each for itself, and one that comes back resends only its own [trap 12]'),
      wire('window', '70,000 messages of QoS 1 wrap their identifiers without 0 and without one in use [MQTT-2.2.1-3]'),
    ],
  },
  {
    number: 13, trap: 'limits of the server are not kept, and limits of this side not checked',
    cases: [
      wire('hostile', 'the limits of the server are kept locally: Maximum QoS 0, no retain, no wildcards, no shared, no identifiers, 100 bytes'),
      wire('window', 'the limits of one connection do not reach the next, nor another client made from the same options'),
      wire('connection-end', "Server Keep Alive takes the place of the client's own [MQTT-3.1.2-21]"),
      wire('hostile', 'a packet above our Maximum Packet Size, of which only the header has come [MQTT-3.1.2-24]'),
      wire('hostile', 'more messages than our Receive Maximum [MQTT-3.3.4-9]'),
      wire('hostile', 'a topic alias above our maximum [MQTT-3.3.2-9]'),
    ],
  },
  {
    number: 14, trap: 'a large write goes on only when something else happens',
    cases: [
      contract('large-payloads', '${name}, QoS ${qos}'),
      native('transport_tcp', 'one_write_of_20_megabytes_behind_a_small_one'),
      unit('js-engine-limits', '20 MB and a small one behind it, to a server that reads slowly'),
    ],
  },
  {
    number: 15, trap: 'keepalive is counted for the process, at the interval of who connected last',
    cases: [wire('traps', 'each is checked at its own interval, whoever connected last [trap 15]'), native('core_keep_alive', 'pings')],
  },
  {
    number: 16, trap: 'the first address only, and small packets wait for each other',
    cases: [
      native('transport_tcp', 'silent_address_gives_way_after_the_attempt_delay'),
      native('transport_tcp', 'closed_ipv6_falls_to_ipv4_at_once'),
      wire('traps', 'small packets do not wait for the acknowledgement of those before them: TCP_NODELAY is set [trap 16]'),
    ],
  },
  {
    number: 17, trap: 'a message is acknowledged before the application has agreed',
    cases: [
      wire('acks', 'PUBACK waits for the handler [MQTT-4.3.2-4]'),
      wire('acks', 'handlers that finish in reverse order: acknowledgements go out in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]'),
    ],
  },
  {
    number: 18, trap: 'MQTT 5, QoS 2: PUBREC goes out before the application has the message, which a crash then loses',
    cases: [
      wire('acks', 'PUBREC waits for the handler, PUBCOMP for PUBREL [MQTT-4.3.3-8] [MQTT-4.3.3-11]'),
      wire('acks', 'PUBREC is not sent before the application has the message: a cut in between loses nothing'),
    ],
  },
  {
    number: 19, trap: 'a message that came by a topic alias has no topic',
    cases: [wire('incoming', 'a topic alias of the server is resolved, and announced anew for another topic [MQTT-3.3.2-10]')],
  },
  {
    number: 20, trap: 'reason codes and properties of answers are lost; AUTH is ignored',
    cases: [
      wire('publish', 'PUBACK with a reason code and properties settles the promise with both'),
      wire('publish', 'PUBCOMP with a reason code and properties settles the promise with both [trap 20]'),
      wire('connection-end', 'CONNACK with an error: the reason code and reason string reach the application, nothing is sent after it [MQTT-3.2.2-7]'),
      wire('hostile', 'AUTH nobody asked for [MQTT-4.12.0-6]'),
    ],
  },
  {
    number: 21, trap: 'a PUBLISH is completed by an answer of another type with its number',
    cases: [wire('hostile', 'SUBACK for a PUBLISH'), wire('hostile', 'PUBCOMP for a message of QoS 1')],
  },
  {
    number: 22, trap: 'the host name of a certificate is not checked: another server gets the password',
    cases: [contract('tls', '${name} is ERR_MQTT_TLS with the reason, and the server gets no byte of MQTT'), native('transport_tls', 'who_is_trusted')],
  },
  {
    number: 23, trap: 'no minimum version of TLS, certificates from files only',
    cases: [
      contract('tls', 'minVersion and maxVersion ${version} are kept'),
      contract('tls', 'a server that speaks TLS 1.1 at most is refused'),
      contract('tls', 'is asked for and shown: as PEM and as files'),
    ],
  },
  {
    number: 24, trap: 'every TLS failure is "connect failed"',
    cases: [contract('tls', '${name} is ERR_MQTT_TLS with the reason, and the server gets no byte of MQTT')],
  },
  {
    number: 25, trap: 'two clients over WebSockets get each other\'s bytes',
    cases: [wire('websocket', 'two clients at once, frames cut across each other: each gets its own bytes [trap 25]')],
  },
  {
    number: 26, trap: 'environment variables make it write traces, and it prints to stdout',
    cases: [wire('traps', 'nothing is printed and no file is written, whatever the environment asks of Paho or mqtt.js [traps 26, 27]')],
  },
  {
    number: 27, trap: 'file persistence: a file a message, the client identifier as its path',
    cases: [wire('traps', 'nothing is printed and no file is written, whatever the environment asks of Paho or mqtt.js [traps 26, 27]')],
  },
  {
    number: 28, trap: 'every allocation is kept in a tree under a mutex, and every function logs its entry',
    cases: [unit('tables', 'Paho is compiled with HIGH_PERFORMANCE and without its heap, its trace and its persistence [trap 28]')],
  },

  {
    number: 101, trap: 'mqtt.js: the two bytes 62 00 end the process',
    cases: [wire('hostile', 'PUBREL without a body, the bytes 62 00'), wire('websocket', 'the two bytes that killed a parser come in a frame: ERR_MQTT_PROTOCOL')],
  },
  {
    number: 102, trap: 'mqtt.js: a parse error leaves the socket open and deaf; an announced 256 MB are awaited',
    cases: [
      wire('hostile', 'garbage behind a good packet: the good one is delivered, the rest ends the connection'),
      wire('hostile', '256 MB are announced and never sent: nothing is reserved for them'),
      wire('hostile', 'a packet above our Maximum Packet Size, of which only the header has come [MQTT-3.1.2-24]'),
    ],
  },
  {
    number: 103, trap: 'mqtt.js: limits of the server are not kept, DUP is never set, identifiers are used twice',
    cases: [
      wire('window', 'Receive Maximum 2: the third PUBLISH waits for a PUBACK [MQTT-3.3.4-7] [MQTT-4.9.0-2]'),
      wire('session', 'an unacknowledged QoS 1 is sent again with DUP and its identifier [MQTT-3.3.1-1] [MQTT-4.4.0-1]'),
      wire('window', '70,000 messages of QoS 1 wrap their identifiers without 0 and without one in use [MQTT-2.2.1-3]'),
    ],
  },
  {
    number: 104, trap: 'mqtt.js: reconnect() forgets what was stored, and stored messages go out one an acknowledgement',
    cases: [
      wire('reconnect', 'session present: all that is owed is sent again before the first acknowledgement, not one by one'),
      wire('session', 'ten of them are sent again in their first order, and new ones follow behind [MQTT-4.6.0-1]'),
    ],
  },
  {
    number: 105, trap: 'mqtt.js: a known topic is not subscribed again, and one refused filter forgets all of its packet',
    cases: [
      wire('subscribe', 'a filter that is subscribed already is subscribed again, and one that is refused takes no other with it [trap 105]'),
      contract('subscribe', 'subscribing twice to one filter delivers once, at the new QoS'),
    ],
  },
  {
    number: 106, trap: 'mqtt.js: QoS 2 subscribers wedge after black holes; its debug output prints the password',
    cases: [
      wire('resume-incoming', 'ten cuts between PUBREC and PUBREL use up none of our Receive Maximum of 2'),
      unit('js-engine-limits', 'with all debug output of mqtt.js on, neither password, will nor payload is printed'),
    ],
  },
  {
    number: 107, trap: 'mqtt.js below 5.16: six advisories',
    cases: [unit('js-parts', 'the version of mqtt.js is one that may be used')],
  },
];
