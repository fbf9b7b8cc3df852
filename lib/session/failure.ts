import type { EngineFailure } from '../engine/engine.js';
import { MqttError, type MqttErrorCode } from '../errors.js';
import { decodeProperties } from '../protocol/properties.js';
import type { ServerProperties } from '../protocol/property-types.js';

/** An engine's failure as the user sees it. */
export function errorFromFailure(failure: EngineFailure): MqttError {
  let properties: ServerProperties | undefined;
  if (failure.properties !== undefined && failure.properties.length > 0) {
    try {
      properties = decodeProperties('answer', failure.properties);
    } catch {
      // The failure matters more than what the server wrote beside it.
    }
  }
  const said = properties?.reasonString;
  const text = said === undefined || failure.message.includes(said) ? failure.message : `${failure.message}: ${said}`;
  return new MqttError(failure.code as MqttErrorCode, text, { reasonCode: failure.reasonCode, properties, cause: failure.cause });
}
