/**
 * What the standard asks of a client as seen from outside: 79 statements, and the cases that show each of them. Cases of test/wire and
 * test/contract run on both engines. test/unit/tables.test.ts checks that every case named here exists.
 */
import type { Evidence } from './support/evidence.js';

export interface Statement {
  readonly number: number;
  /** Of MQTT 5.0; where 3.1.1 numbers it otherwise, that one in brackets. */
  readonly clause: string;
  readonly says: string;
  readonly cases: readonly Evidence[];
  /** Why there is no case, or not for all of it. */
  readonly gap?: string;
}

const AUTHENTICATION = 'enhanced authentication is not offered yet: no option brings about an AUTH of this side; one from the server is a protocol error';
const ONE_ENGINE = 'ws: and wss: are served by the js engine only; the native engine refuses them by name';

const wire = (file: string, name: string): Evidence => ({ file: `wire/${file}.test.ts`, case: name });
const contract = (file: string, name: string): Evidence => ({ file: `contract/${file}.test.ts`, case: name });
const unit = (file: string, name: string): Evidence => ({ file: `unit/${file}.test.ts`, case: name });
/** Played to a whole client of each engine by test/wire/guard-vectors.test.ts, and to both guards. */
const vector = (name: string): Evidence => ({ file: 'vectors/guard.json', case: name });

const RESENT = 'an unacknowledged QoS 1 is sent again with DUP and its identifier [MQTT-3.3.1-1] [MQTT-4.4.0-1]';
const RESENT_TWO = 'QoS 2 is sent again before its PUBREC, and only PUBREL after it [MQTT-4.3.3-6] [MQTT-4.4.0-1]';
const QOS_ONE = 'QoS 1 starts with identifier 1 and DUP 0, and is done at PUBACK [MQTT-2.2.1-3] [MQTT-4.3.2-1..3]';
const QOS_TWO = 'QoS 2: PUBLISH, PUBREC, PUBREL with flags 0010, PUBCOMP, all with one identifier [MQTT-3.6.1-1] [MQTT-2.2.1-5] [MQTT-4.3.3-1..5]';
const ANSWERS = 'QoS 0 is not answered, QoS 1 with PUBACK, QoS 2 with PUBREC and PUBCOMP [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8..11]';
const TWICE = 'QoS 2 sent twice before PUBREL is delivered once, with PUBREC to both [MQTT-4.3.3-10]';
const LIMITS = 'the limits of the server are kept locally: Maximum QoS 0, no retain, no wildcards, no shared, no identifiers, 100 bytes';
const BAD_FILTERS = 'filters that are wrong are refused locally and nothing is sent [MQTT-4.7.1-1, -2] [MQTT-4.7.3-1..3] [MQTT-4.8.2-1, -2]';
const BAD_TOPICS = 'a publish refused locally sends nothing [MQTT-3.3.2-2] [MQTT-1.5.4-2]';
const BAD_PROPERTIES = 'a property a client may not send is refused by name, and nothing is sent [MQTT-3.3.4-6] [MQTT-3.3.2-8] [MQTT-3.3.2-14]';
const FLAGS = 'each packet of a whole exchange has the flags of its type, and CONNECT comes once [MQTT-2.1.3-1] [MQTT-3.1.0-2]';
const CONNECT = 'CONNECT with a client identifier only, letter by letter [MQTT-3.1.2-1, -2, -3]';
const CONNECT_ALL = 'CONNECT with everything: will QoS 2 retained, user name and password, no clean session [MQTT-3.1.3-1]';
const CLOSE = 'close() sends DISCONNECT, then ends, and nothing follows [MQTT-3.14.4-1] [MQTT-3.14.4-2]';
const ALIASES = "the topic and its alias first, then the alias alone, and never one above the server's maximum [MQTT-3.2.2-17] [MQTT-3.3.2-9]";
const WINDOW = 'Receive Maximum 2: the third PUBLISH waits for a PUBACK [MQTT-3.3.4-7] [MQTT-4.9.0-2]';

export const CONFORMANCE: readonly Statement[] = [
  {
    number: 1, clause: '1.5.4-1 (1.5.3-1)', says: 'ill-formed UTF-8 closes the connection, and is not sent',
    cases: [wire('hostile', 'PUBLISH with a surrogate in its topic [MQTT-1.5.4-1]'), wire('publish', BAD_TOPICS), vector('topic with an overlong form of two bytes')],
  },
  {
    number: 2, clause: '1.5.4-2 (1.5.3-2)', says: 'no U+0000',
    cases: [
      wire('hostile', 'PUBLISH with U+0000 in its topic [MQTT-1.5.4-2]'), wire('publish', BAD_TOPICS),
      wire('encoding', 'text with U+0000 or a surrogate is refused by the name of its option, and nobody is connected to [MQTT-1.5.4-2]'),
    ],
  },
  {
    number: 3, clause: '1.5.4-3', says: 'U+FEFF stays',
    cases: [
      wire('publish', 'UTF-8 in a topic goes out unaltered, U+FEFF included [MQTT-1.5.4-3]'),
      contract('publish', 'topics of every script, with spaces and U+FEFF, arrive unaltered [MQTT-1.5.4-3]'),
    ],
  },
  {
    number: 4, clause: '1.5.5-1', says: 'Variable Byte Integers in their shortest form',
    cases: [
      wire('encoding', 'the Remaining Length is in its shortest form at the edges of its four sizes [MQTT-1.5.5-1]'),
      wire('encoding', 'the property length is in its shortest form at 127 and 128 bytes, in every packet that has one [MQTT-1.5.5-1]'),
      wire('hostile', 'a Remaining Length that is not in its shortest form [MQTT-1.5.5-1]'),
    ],
  },
  {
    number: 5, clause: '1.5.7-1', says: 'user properties are UTF-8',
    cases: [wire('hostile', 'a user property with ill-formed UTF-8 [MQTT-1.5.7-1]'), wire('encoding', BAD_PROPERTIES)],
  },
  {
    number: 6, clause: '2.1.3-1 (2.2.2-1, -2)', says: 'reserved flags of each packet',
    cases: [wire('encoding', FLAGS), wire('hostile', 'PUBACK with flags 0010'), vector('UNSUBACK with flags'), vector('PINGRESP with flags')],
  },
  {
    number: 7, clause: '2.2.1-2', says: 'QoS 0 has no Packet Identifier',
    cases: [wire('publish', 'QoS 0 has no packet identifier and no DUP, and is done once written [MQTT-2.2.1-2] [MQTT-3.3.1-2]')],
  },
  {
    number: 8, clause: '2.2.1-3 (2.3.1-1, -2)', says: 'an identifier is not 0 and not in use',
    cases: [
      wire('window', '70,000 messages of QoS 1 wrap their identifiers without 0 and without one in use [MQTT-2.2.1-3]'),
      wire('subscribe', 'SUBSCRIBE and PUBLISH share one space of identifiers [MQTT-2.2.1-3]'),
    ],
  },
  { number: 9, clause: '2.2.1-5', says: 'answers carry the identifier of the PUBLISH', cases: [wire('publish', QOS_TWO), wire('incoming', ANSWERS)] },
  {
    number: 10, clause: '2.2.2-1', says: 'property length 0 where there are none',
    cases: [wire('publish', QOS_ONE), wire('connect', 'a will without properties has the property length 0 [MQTT-2.2.2-1]')],
  },
  {
    number: 11, clause: '3.1.0-1, -2', says: 'CONNECT comes first, and once',
    cases: [wire('connect', 'nothing follows CONNECT before its answer [MQTT-3.1.0-1]'), wire('encoding', FLAGS)],
  },
  {
    number: 12, clause: '3.1.2-1, -2', says: 'protocol name and level',
    cases: [wire('connect', CONNECT), wire('connect', 'CONNECT has the flags of 3.1.1, level 5 and properties [MQTT-3.1.2-1, -2, -3]')],
  },
  { number: 13, clause: '3.1.2-3', says: 'the reserved connect flag is 0', cases: [wire('connect', CONNECT)] },
  {
    number: 14, clause: '3.1.2-4', says: 'a clean start discards the session of this side',
    cases: [wire('session', 'a clean start forgets what was under way: nothing is sent again [MQTT-3.1.2-4]')],
  },
  {
    number: 15, clause: '3.1.2-9, -11, -13', says: 'will flags say what the payload has',
    cases: [
      wire('connect', "will flags for QoS ${qos}${retain ? ' retained' : ''} [MQTT-3.1.2-9, -11, -13]"), wire('connect', CONNECT),
      wire('connect', 'a will with an empty payload is a will [MQTT-3.1.2-9]'),
    ],
  },
  {
    number: 16, clause: '3.1.2-16 to -19 (3.1.2-22)', says: 'user name and password flags',
    cases: [
      wire('connect', 'a user name without password sets one flag only [MQTT-3.1.2-16..19]'),
      wire('connect', 'a password without user name is allowed in version 5'),
      contract('auth-acl', '3.1.1: a password without a user name is refused by name [MQTT-3.1.2-22]'),
    ],
  },
  {
    number: 17, clause: '3.1.2-20 (3.1.2-23)', says: 'PINGREQ when nothing else was sent',
    cases: [wire('connection-end', 'PINGREQ when nothing else is sent, and its answer keeps the connection [MQTT-3.1.2-20]')],
  },
  {
    number: 18, clause: '3.1.2-21, 3.2.2-21', says: "Server Keep Alive counts, not this side's",
    cases: [
      wire('connection-end', "Server Keep Alive takes the place of the client's own [MQTT-3.1.2-21]"),
      wire('reconnect-limits', 'Server Keep Alive belongs to one connection [MQTT-3.2.2-21]'),
    ],
  },
  {
    number: 19, clause: '3.1.2-23', says: 'the session is kept if its expiry is above 0, and else not',
    cases: [
      wire('session', RESENT), wire('session', 'a clean start forgets what was under way: nothing is sent again [MQTT-3.1.2-4]'),
      wire('reconnect-limits', 'Session Expiry Interval of CONNACK counts: a server that keeps no session gets Clean Start 1 again'),
      contract('session', '0 ends the session with the connection [MQTT-3.1.2-23]'),
    ],
  },
  {
    number: 20, clause: '3.1.2-24', says: 'a packet above our Maximum Packet Size: DISCONNECT 0x95, and nothing is reserved for it',
    cases: [
      wire('hostile', 'a packet above our Maximum Packet Size, of which only the header has come [MQTT-3.1.2-24]'),
      wire('hostile', '256 MB are announced and never sent: nothing is reserved for them'),
    ],
  },
  { number: 21, clause: '3.1.2-30', says: 'with an Authentication Method only AUTH and DISCONNECT before CONNACK', cases: [], gap: AUTHENTICATION },
  {
    number: 22, clause: '3.1.3-1, -3, -4, -11, -12', says: 'order and encoding of the fields of CONNECT',
    cases: [wire('connect', CONNECT_ALL), wire('connect', 'a will carries all its properties [MQTT-3.1.3-1]')],
  },
  {
    number: 23, clause: '3.1.3-7, -8', says: 'no client identifier: 3.1.1 with Clean Session only; the one the server assigns is used from then on',
    cases: [
      contract('connect', '3.1.1: none without a clean session is refused [MQTT-3.1.3-8]'),
      wire('session', 'the client identifier the server assigned is used for the next connection [MQTT-3.1.3-7]'),
      wire('reconnect-limits', 'the identifier the server assigned is used from then on [MQTT-3.1.3-7]'),
    ],
  },
  { number: 24, clause: '3.2.0-1', says: 'a packet before CONNACK closes', cases: [wire('hostile', 'PUBLISH before CONNACK [MQTT-3.2.0-1]')] },
  { number: 25, clause: '3.2.0-2', says: 'a second CONNACK closes', cases: [wire('hostile', 'a second CONNACK [MQTT-3.2.0-2]')] },
  { number: 26, clause: '3.2.2-1', says: 'reserved bits in CONNACK close', cases: [wire('hostile', 'CONNACK with reserved bits [MQTT-3.2.2-1]')] },
  {
    number: 27, clause: '3.2.2-4', says: 'Session Present without a session here closes',
    cases: [
      wire('hostile', 'Session Present 1 after a clean start [MQTT-3.2.2-4]'),
      wire('reconnect-limits', 'Session Present for an identifier that was just made up: closed, nobody can have that session [MQTT-3.2.2-4]'),
    ],
  },
  {
    number: 28, clause: '3.2.2-5', says: 'no Session Present: what this side had is discarded and told of',
    cases: [
      wire('session', 'where the server has no session nothing is sent again [MQTT-3.2.2-5]'),
      wire('reconnect', 'session lost: the same SUBSCRIBEs before what was queued, what was in flight fails and is not resent [MQTT-3.2.2-5]'),
    ],
  },
  {
    number: 29, clause: '3.2.2-7', says: 'a refusal shows its code and reason string; nothing is sent after it',
    cases: [wire('connection-end', 'CONNACK with an error: the reason code and reason string reach the application, nothing is sent after it [MQTT-3.2.2-7]')],
  },
  { number: 30, clause: '3.2.2-9, -11', says: 'Maximum QoS is kept', cases: [wire('hostile', LIMITS), unit('client-publish', 'Maximum QoS [MQTT-3.2.2-11]')] },
  {
    number: 31, clause: '3.2.2-13, -14', says: 'Retain Available is kept; a retained will is refused with its code',
    cases: [wire('hostile', LIMITS), wire('encoding', 'a retained will the server does not keep is refused by it, with its code [MQTT-3.2.2-13]')],
  },
  {
    number: 32, clause: '3.2.2-15', says: "nothing above the server's Maximum Packet Size",
    cases: [
      wire('hostile', LIMITS), unit('client-publish', 'Maximum Packet Size, to the byte [MQTT-3.2.2-15]'),
      wire('reconnect-limits', 'what waited is checked against the new connection, and only what it does not take fails'),
    ],
  },
  {
    number: 33, clause: '3.2.2-17, -18, 3.3.2-9', says: "no Topic Alias above the server's maximum, none where it names none",
    cases: [wire('aliases', ALIASES), wire('aliases', 'none where the server says nothing of them, or 0 [MQTT-3.2.2-18]')],
  },
  {
    number: 34, clause: '3.3.1-1', says: 'DUP on what is sent again',
    cases: [wire('session', RESENT), wire('reconnect', 'what was resent once and cut again is resent again, and settles once')],
  },
  {
    number: 35, clause: '3.3.1-2, 4.3.1-1', says: 'no DUP at QoS 0',
    cases: [wire('publish', 'QoS 0 has no packet identifier and no DUP, and is done once written [MQTT-2.2.1-2] [MQTT-3.3.1-2]')],
  },
  {
    number: 36, clause: '3.3.1-4', says: 'no QoS 3',
    cases: [wire('hostile', 'PUBLISH with QoS 3 [MQTT-3.3.1-4]'), contract('options', '${name} in ${String(call).replace(/^\\(client\\) => client\\./, \'\')}')],
  },
  {
    number: 37, clause: '3.3.2-1, -2, 4.7.0-1', says: 'no wildcards in a topic name',
    cases: [wire('publish', BAD_TOPICS), wire('hostile', 'PUBLISH with a wildcard in its topic [MQTT-3.3.2-2]')],
  },
  {
    number: 38, clause: '3.3.2-7', says: 'aliases end with their connection',
    cases: [
      wire('session', 'a topic alias of the server does not reach the next connection [MQTT-3.3.2-7]'),
      wire('aliases', 'the next connection begins without them, and what is sent again has its topic [MQTT-3.3.2-7]'),
    ],
  },
  { number: 39, clause: '3.3.2-8', says: 'no alias 0', cases: [wire('hostile', 'topic alias 0 [MQTT-3.3.2-8]'), wire('aliases', ALIASES), wire('encoding', BAD_PROPERTIES)] },
  { number: 40, clause: '3.3.2-10', says: 'every alias up to our maximum is taken', cases: [wire('aliases', 'every alias up to the maximum announced is taken [MQTT-3.3.2-10]')] },
  {
    number: 41, clause: '3.3.2-13, -14', says: 'a Response Topic has no wildcards',
    cases: [wire('encoding', BAD_PROPERTIES), vector('Response Topic with a wildcard')],
  },
  { number: 42, clause: '3.3.4-1', says: 'answers by the QoS received', cases: [wire('incoming', ANSWERS)] },
  { number: 43, clause: '3.3.4-6', says: 'no Subscription Identifier in a PUBLISH of a client', cases: [wire('encoding', BAD_PROPERTIES)] },
  {
    number: 44, clause: '3.3.4-7, 4.9.0-1, -2', says: "never more unacknowledged than the server's Receive Maximum",
    cases: [
      wire('window', WINDOW), wire('window', 'QoS 2 holds its place until PUBCOMP; PUBREC with an error frees it [MQTT-4.9.0-2]'),
      wire('window', 'acknowledgements of nothing do not widen the window'),
      wire('reconnect-limits', 'a smaller Receive Maximum on the resumed connection bounds what is sent again, too [MQTT-3.3.4-7]'),
    ],
  },
  {
    number: 45, clause: '3.3.4-8, 4.9.0-3', says: 'everything else goes on while the window is full',
    cases: [
      wire('window', 'SUBSCRIBE, UNSUBSCRIBE and acks go on while the window is full [MQTT-3.3.4-8] [MQTT-4.9.0-3]'),
      wire('expiry', 'behind a full window: less is left, or nothing is sent [MQTT-3.3.2-6]'),
    ],
  },
  { number: 46, clause: '3.3.4-9', says: 'more than our Receive Maximum: DISCONNECT 0x93', cases: [wire('hostile', 'more messages than our Receive Maximum [MQTT-3.3.4-9]')] },
  {
    number: 47, clause: '3.4.2-1, 3.5.2-1, 3.6.2-1, 3.7.2-1', says: 'only listed reason codes are sent',
    cases: [
      wire('acks', 'ack() sends its reason code, in its place and once [MQTT-3.4.2-1] [MQTT-3.5.2-1]'),
      wire('acks', 'ack() takes no code the standard does not list for PUBACK and PUBREC [MQTT-3.4.2-1] [MQTT-3.5.2-1]'),
      wire('incoming', 'PUBREL of an unknown identifier is answered with PUBCOMP [MQTT-4.3.3-11]'),
    ],
  },
  { number: 48, clause: '3.6.1-1', says: 'flags of PUBREL', cases: [wire('publish', QOS_TWO)] },
  { number: 49, clause: '3.8.1-1, 3.10.1-1', says: 'flags of SUBSCRIBE and UNSUBSCRIBE', cases: [wire('subscribe', 'SUBSCRIBE for QoS ${qos}, then UNSUBSCRIBE [MQTT-3.8.1-1] [MQTT-3.10.1-1]')] },
  { number: 50, clause: '3.8.3-1, -2, 3.10.3-1, -2', says: 'at least one filter', cases: [wire('subscribe', 'an empty list of filters is refused locally [MQTT-3.8.3-2] [MQTT-3.10.3-2]')] },
  { number: 51, clause: '3.8.3-4', says: 'no No Local on a shared subscription', cases: [wire('subscribe', 'No Local on a shared subscription is refused locally [MQTT-3.8.3-4]')] },
  { number: 52, clause: '3.8.3-5', says: 'reserved bits of subscription options', cases: [wire('subscribe', 'subscribe options ${JSON.stringify(given)} are the byte ${byte} [MQTT-3.8.3-5]')] },
  {
    number: 53, clause: '3.9.3-1, 3.11.3-1', says: 'an answer for each filter',
    cases: [
      contract('subscribe', 'several filters in one SUBSCRIBE, each with what the server granted [MQTT-3.9.3-1]'),
      wire('subscribe', 'a filter that is subscribed already is subscribed again, and one that is refused takes no other with it [trap 105]'),
      wire('hostile', 'SUBACK with too few and too many codes ends the connection, and the request'),
      wire('hostile', 'UNSUBACK with too few and too many codes ends the connection, and the request [MQTT-3.11.3-1]'),
    ],
  },
  {
    number: 54, clause: '3.14.1-1', says: 'DISCONNECT of the server: code and reason string shown, flags checked',
    cases: [
      wire('connection-end', 'DISCONNECT of the server: its reason code and reason string reach the application, the connection ends [MQTT-3.14.1-1]'),
      wire('hostile', 'DISCONNECT with reserved flags [MQTT-3.14.1-1]'),
    ],
  },
  {
    number: 55, clause: '3.14.2-1, -2', says: 'DISCONNECT has a listed code, and no Session Expiry Interval where CONNECT had 0',
    cases: [
      wire('connection-end', 'close() with a reason code sends it [MQTT-3.14.2-1]'),
      wire('encoding', 'DISCONNECT with a session expiry: sent where CONNECT had one, refused where it had none [MQTT-3.14.2-2]'),
    ],
  },
  { number: 56, clause: '3.14.4-1 (3.14.4-2)', says: 'nothing after DISCONNECT', cases: [wire('connection-end', CLOSE)] },
  { number: 57, clause: '3.14.4-2 (3.14.4-1)', says: 'the connection is closed after DISCONNECT', cases: [wire('connection-end', CLOSE)] },
  {
    number: 58, clause: '3.15.1-1, 3.15.2-1', says: 'AUTH nobody asked for closes',
    cases: [wire('hostile', 'AUTH nobody asked for [MQTT-4.12.0-6]')], gap: AUTHENTICATION,
  },
  {
    number: 59, clause: '4.1.0-1', says: 'session state is not dropped while connected',
    cases: [wire('incoming', TWICE), wire('publish', 'a PUBLISH waits in the window and is not sent twice: no resend without a new connection [MQTT-4.4.0-1]')],
  },
  { number: 60, clause: '4.3.2-1 to -3', says: 'QoS 1: a fresh identifier, DUP 0, unacknowledged until PUBACK', cases: [wire('publish', QOS_ONE)] },
  {
    number: 61, clause: '4.3.2-4, -5', says: 'QoS 1 received: PUBACK; the identifier after it is a new message',
    cases: [wire('acks', 'PUBACK waits for the handler [MQTT-4.3.2-4]'), wire('incoming', 'QoS 1 with the identifier of a finished one is a new message [MQTT-4.3.2-5]')],
  },
  { number: 62, clause: '4.3.3-1 to -3', says: 'QoS 2: likewise', cases: [wire('publish', QOS_TWO)] },
  {
    number: 63, clause: '4.3.3-4 to -6', says: 'PUBREL after PUBREC below 0x80, PUBLISH not sent again after it',
    cases: [wire('publish', 'PUBREC of 0x80 and more rejects, and no PUBREL follows [MQTT-4.3.3-4] [MQTT-4.4.0-2]'), wire('session', RESENT_TWO)],
  },
  {
    number: 64, clause: '4.3.3-7', says: 'expiry does not end what was sent',
    cases: [wire('expiry', 'what was sent is finished, however old it is, also on the next connection [MQTT-4.3.3-7]')],
  },
  {
    number: 65, clause: '4.3.3-8 to -10', says: 'PUBREC to every repetition, one delivery',
    cases: [wire('incoming', TWICE), wire('resume-incoming', 'PUBREC was sent, and PUBLISH comes again: PUBREC again, not delivered [MQTT-4.3.3-10]')],
  },
  {
    number: 66, clause: '4.3.3-11', says: 'PUBCOMP to PUBREL, also of an unknown identifier',
    cases: [
      wire('incoming', 'PUBREL of an unknown identifier is answered with PUBCOMP [MQTT-4.3.3-11]'),
      wire('resume-incoming', 'PUBREC was sent, and PUBREL comes on the next connection: PUBCOMP [MQTT-4.3.3-11]'),
    ],
  },
  {
    number: 67, clause: '4.3.3-12', says: 'the identifier after PUBCOMP is a new message',
    cases: [wire('incoming', TWICE), wire('resume-incoming', 'PUBCOMP was sent and lost: PUBREL again gets PUBCOMP again, and a new message is delivered [MQTT-4.3.3-12]')],
  },
  {
    number: 68, clause: '4.4.0-1', says: 'sent again on a new connection of the session, and never else',
    cases: [
      wire('session', RESENT), wire('session', RESENT_TWO),
      wire('publish', 'a PUBLISH waits in the window and is not sent twice: no resend without a new connection [MQTT-4.4.0-1]'),
    ],
  },
  {
    number: 69, clause: '4.4.0-2', says: 'PUBACK and PUBREC of 0x80 and above end it',
    cases: [
      wire('publish', "PUBACK of 0x80 and more rejects with the server's reason, and ends it [MQTT-4.4.0-2]"),
      wire('publish', 'PUBREC of 0x80 and more rejects, and no PUBREL follows [MQTT-4.3.3-4] [MQTT-4.4.0-2]'),
    ],
  },
  { number: 70, clause: '4.5.0-2', says: 'a message nobody listens to is acknowledged', cases: [wire('incoming', 'a message nobody listens to is acknowledged [MQTT-4.5.0-2]')] },
  {
    number: 71, clause: '4.6.0-1', says: 'sent again in the first order',
    cases: [wire('session', 'ten of them are sent again in their first order, and new ones follow behind [MQTT-4.6.0-1]')],
  },
  {
    number: 72, clause: '4.6.0-2 to -4', says: 'acknowledgements in the order of arrival',
    cases: [
      wire('incoming', 'acks go out in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]'),
      wire('acks', 'handlers that finish in reverse order: acknowledgements go out in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]'),
      wire('publish', 'PUBRELs go out in the order of the PUBRECs [MQTT-4.6.0-4]'),
      wire('reconnect', 'PUBRELs are sent again in the order of their PUBRECs [MQTT-4.6.0-4]'),
    ],
  },
  { number: 73, clause: '4.7.1-1, -2, 4.7.3-1 to -3', says: 'wrong filters are refused', cases: [wire('subscribe', BAD_FILTERS)] },
  { number: 74, clause: '4.8.2-1, -2', says: 'wrong shared subscriptions are refused', cases: [wire('subscribe', BAD_FILTERS)] },
  { number: 75, clause: '4.12.0-3, -5, -7, 4.12.1-1, -2', says: 'AUTH', cases: [], gap: AUTHENTICATION },
  {
    number: 76, clause: '4.13.1, 4.13.2-1', says: 'malformed packets and protocol errors: DISCONNECT 0x81, 0x82, then the end',
    cases: [wire('hostile', 'packet type 0'), wire('hostile', 'SUBSCRIBE from the server'), vector('PUBLISH with QoS 3, DUP and RETAIN')],
  },
  {
    number: 77, clause: '6.0.0-1', says: 'binary frames only',
    cases: [
      wire('websocket', 'packets go out in masked binary frames, byte for byte [MQTT-6.0.0-1]'),
      wire('websocket', 'a text frame ends the connection with ERR_MQTT_PROTOCOL [MQTT-6.0.0-1]'),
    ],
    gap: ONE_ENGINE,
  },
  {
    number: 78, clause: '6.0.0-2', says: 'packets split and joined over frames',
    cases: [wire('websocket', 'packets split and joined over frames and fragments are put together [MQTT-6.0.0-2]')], gap: ONE_ENGINE,
  },
  {
    number: 79, clause: '6.0.0-3, -4', says: 'the subprotocol is "mqtt"',
    cases: [
      wire('websocket', 'the upgrade asks for the path and query of the URL and offers the subprotocol mqtt [MQTT-6.0.0-3]'),
      wire('websocket', 'a server that ${name} is refused with ERR_MQTT_CONNECT, and gets no byte of MQTT [MQTT-6.0.0-4]'),
    ],
    gap: ONE_ENGINE,
  },
];
