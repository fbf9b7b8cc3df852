export function makePayload(size: number): Buffer;
export function makeStampedPayload(size: number): { payload: Buffer; stamp(sequence: number): void };
export function makeComparer(size: number): (received: Uint8Array, sequence: number) => boolean;
