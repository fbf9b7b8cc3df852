/**
 * The numbers of native/core/include/mqtt_native.h, without `MQN_` in front. A test reads the header and compares, so a number
 * changed on one side only does not get far. The header tells what each of them means.
 */

/* Control words: int32, one a cache line. */
export const CTL_SQ_TAIL = 0;
export const CTL_SQ_HEAD = 16;
export const CTL_SQ_ASLEEP = 32;
export const CTL_SQ_WANTED = 48;
export const CTL_CQ_TAIL = 64;
export const CTL_CQ_HEAD = 80;
export const CTL_MQ_TAIL = 96;
export const CTL_MQ_HEAD = 112;
export const CTL_OUT_WANTED = 128;
export const CTL_LISTENING = 144;
export const CTL_WORDS = 160;

/* A record of the byte rings: int32 words, then the body. */
export const R_SIZE = 0;
export const R_KIND = 1;
export const R_CLIENT = 2;
export const R_TOPIC = 3;
export const R_LENGTH = 4;
export const R_PROPERTIES = 5;
export const R_SLOT = 6;
export const R_AUX = 7;
export const RECORD_WORDS = 8;
export const RECORD_HEADER = 32;
export const PROPERTIES_LARGE = 1 << 12;
export const BLOCK_WANTED = 1 << 13;
export const RECORD_SKIP = -1;
export const TOPIC_INLINE = -1;
export const NO_SLOT = -1;
export const MAX_TOPICS = 4096;

/* Kinds of records. */
export const SUBMIT_TOPIC = 1;
export const SUBMIT_PUBLISH = 2;
export const SUBMIT_PUBLISH_LARGE = 3;
export const SUBMIT_TAKEN = 4;
export const SUBMIT_ACK = 5;
export const EVENT_TOPIC = 16;
export const EVENT_MESSAGE = 17;
export const EVENT_MESSAGE_LARGE = 18;
export const EVENT_CONNECTED = 19;
export const EVENT_OPEN_FAILED = 20;
export const EVENT_DISCONNECTED = 21;
export const EVENT_SUBSCRIBED = 22;
export const EVENT_UNSUBSCRIBED = 23;
export const EVENT_PUBLISHED = 24;
export const EVENT_LOG = 25;
export const EVENT_DESTROYED = 26;
export const EVENT_UNSENT = 27;
export const EVENT_UNSENT_LARGE = 28;

/* An entry of completions. */
export const C_CLIENT = 0;
export const C_SLOT = 1;
export const C_CODE = 2;
export const C_BYTES = 3;
export const COMPLETION_WORDS = 4;

/* Results. */
export const OK = 0;
export const ERR_ARGUMENT = -1;
export const ERR_STATE = -2;
export const ERR_NO_MEMORY = -3;
export const ERR_FULL = -4;
export const ERR_RESOLVE = -5;
export const ERR_CONNECT = -6;
export const ERR_TLS = -7;
export const ERR_TIMEOUT = -8;
export const ERR_PROTOCOL = -9;
export const ERR_CONNECTION_LOST = -10;
export const ERR_KEEP_ALIVE = -11;
export const ERR_CLOSED = -12;
export const ERR_PACKET_TOO_LARGE = -13;
export const ERR_REFUSED = -14;
export const ERR_SERVER_DISCONNECT = -15;
export const ERR_EXPIRED = -16;
