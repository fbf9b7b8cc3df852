/** How promises of the client end. */
import { MqttError } from 'mqtt-native';
import { withSafetyNet } from './waiting.js';

/**
 * The error a promise is rejected with; a fulfilled one is the failure here. To be called before anything is awaited, so that no
 * rejection goes unheard.
 */
export async function failureOf(promise: Promise<unknown>): Promise<MqttError> {
  let value: unknown;
  try {
    value = await withSafetyNet('the rejection', promise);
  } catch (error) {
    if (error instanceof MqttError) {
      return error;
    }
    throw new Error(`rejected with something that is no MqttError: ${String(error)}`, { cause: error });
  }
  throw new Error(`was fulfilled and should have been rejected: ${JSON.stringify(value)}`);
}

/** The code of that error. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise)).code;
}

/** What a call throws or rejects with; for verbs that refuse a wrong argument, where either is fine for an `await`. */
export async function refusalOf(call: () => unknown): Promise<MqttError> {
  return failureOf((async () => { await call(); })());
}

/** 'ok' or the error's code, whichever way it ends. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await withSafetyNet('the end of a request', promise);
    return 'ok';
  } catch (error) {
    return error instanceof MqttError ? error.code : String(error);
  }
}
