/** Identifiers of PUBLISH's properties that have no length in front of their value (2.2.2.2), and of the one that has two texts. */
const PAYLOAD_FORMAT_INDICATOR = 1;
const MESSAGE_EXPIRY_INTERVAL = 2;
const USER_PROPERTY = 38;

function behindText(bytes: Uint8Array, at: number): number {
  return at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
}

/** Where the four bytes of the Message Expiry Interval stand in the properties of a PUBLISH this side has made; -1: nowhere. */
export function expiryOffset(properties: Uint8Array): number {
  let at = 0;
  while (at < properties.length) {
    const id = properties[at++];
    if (id === MESSAGE_EXPIRY_INTERVAL) return at;
    if (id === PAYLOAD_FORMAT_INDICATOR) at++;
    else if (id === USER_PROPERTY) at = behindText(properties, behindText(properties, at));
    else at = behindText(properties, at);
  }
  return -1;
}

/** When a message expires, on the clock of performance.now(); 0: never. */
export function expiryTime(properties: Uint8Array, now: number): number {
  const at = expiryOffset(properties);
  if (at < 0) return 0;
  const seconds = new DataView(properties.buffer, properties.byteOffset + at, 4).getUint32(0);
  return now + seconds * 1000;
}

/** Writes the seconds a message has left into its properties: those of its interval less the full seconds it has waited. */
export function writeExpiry(properties: Uint8Array, expires: number, now: number): void {
  const at = expiryOffset(properties);
  if (at < 0) return;
  new DataView(properties.buffer, properties.byteOffset + at, 4).setUint32(0, Math.ceil((expires - now) / 1000));
}
