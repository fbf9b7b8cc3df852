/**
 * Properties become the bytes the standard asks for and back, each of them, in every place where it may stand. What may not stand there,
 * or has a value that MQTT cannot express, is refused by name.
 */
import { describe, expect, it } from 'vitest';
import { decodeProperties, encodeProperties, propertyNames } from '../../dist/protocol/properties.js';
import { readVarint, varintSize, writeVarint } from '../../dist/protocol/varint.js';

const hex = (place: Parameters<typeof encodeProperties>[0], values: Record<string, unknown>): string | undefined =>
  encodeProperties(place, values, 'x')?.toString('hex');
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** The error of a call that must fail. */
function errorOf(call: () => unknown): { code: string; message: string } {
  try {
    call();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('nothing was thrown');
}

describe('properties of a message', () => {
  const EACH: [string, unknown, string][] = [
    ['payloadFormatIndicator', 1, '01 01'],
    ['payloadFormatIndicator', 0, '01 00'],
    ['messageExpiryInterval', 4_294_967_295, '02 ffffffff'],
    ['contentType', 'ä', '03 0002 c3a4'],
    ['contentType', '', '03 0000'],
    ['responseTopic', 'a/b', '08 0003 612f62'],
    ['correlationData', Buffer.from([0, 255]), '09 0002 00ff'],
    ['correlationData', new Uint8Array(0), '09 0000'],
  ];
  for (const [name, value, wire] of EACH) {
    it(`${name} ${JSON.stringify(value)} is ${wire}`, () => {
      expect(hex('publish-out', { [name]: value })).toBe(wire.replaceAll(' ', ''));
      expect(decodeProperties('publish-in', bytes(wire))).toEqual({ [name]: Buffer.isBuffer(value) ? value : value instanceof Uint8Array ? Buffer.from(value) : value });
    });
  }

  it('correlationData may be a text, written as UTF-8', () => {
    expect(hex('publish-out', { correlationData: 'ä' })).toBe('090002c3a4');
  });

  it('user properties keep order and duplicates, as pairs and as an object with several values', () => {
    const wire = '26 0001 62 0001 32 26 0001 61 0000 26 0001 62 0001 33'.replaceAll(' ', '');
    expect(hex('publish-out', { userProperties: [['b', '2'], ['a', ''], ['b', '3']] })).toBe(wire);
    expect(hex('publish-out', { userProperties: new Map([['b', '2'], ['a', '']]) })).toBe(wire.slice(0, wire.length - 14));
    expect(hex('publish-out', { userProperties: { b: ['2', '3'], a: 'x' } })).toBe('260001620001322600016200013326000161000178');
    expect(decodeProperties('publish-in', bytes(wire))).toEqual({ userProperties: [['b', '2'], ['a', ''], ['b', '3']] });
  });

  it('names of the prototype chain are only names', () => {
    const wire = hex('publish-out', { userProperties: [['__proto__', 'x'], ['constructor', 'y']] })!;
    const { userProperties } = decodeProperties('publish-in', bytes(wire));
    expect(userProperties).toEqual([['__proto__', 'x'], ['constructor', 'y']]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('subscription identifiers of a received message are an array, in order [MQTT-3.3.4-4]', () => {
    expect(decodeProperties('publish-in', bytes('0b ffffff7f 0b 01')).subscriptionIdentifiers).toEqual([268_435_455, 1]);
  });

  it('a topic alias is read over: the engine has resolved it', () => {
    expect(decodeProperties('publish-in', bytes('23 0007 01 01'))).toEqual({ payloadFormatIndicator: 1 });
  });

  it('properties inside a larger piece of memory are read from their place', () => {
    expect(decodeProperties('publish-in', bytes('ffff 0101 ffff'), 2, 4)).toEqual({ payloadFormatIndicator: 1 });
  });

  it('binary data does not keep the packet it came in', () => {
    const packet = bytes('09 0001 07');
    const { correlationData } = decodeProperties('publish-in', packet);
    packet.fill(0);
    expect(correlationData).toEqual(Buffer.from([7]));
  });

  it('none at all is no bytes, and nothing is read from no bytes', () => {
    expect(hex('publish-out', {})).toBeUndefined();
    expect(hex('publish-out', { contentType: undefined })).toBeUndefined();
    expect(decodeProperties('publish-in', new Uint8Array(0))).toEqual({});
  });

  it('thousands of them and texts of 65,535 bytes fit', () => {
    const userProperties = Array.from({ length: 3000 }, (_, i): [string, string] => [`name ${i}`, i === 7 ? 'v'.repeat(65_535) : `value ${i}`]);
    const wire = encodeProperties('publish-out', { userProperties }, 'x')!;
    expect(decodeProperties('publish-in', wire).userProperties).toEqual(userProperties);
    // The memory it was written in is not handed out.
    expect(hex('publish-out', { payloadFormatIndicator: 1 })).toBe('0101');
    expect(decodeProperties('publish-in', wire).userProperties?.length).toBe(3000);
  });
});

describe('wrong properties are refused by name', () => {
  const WRONG: [string, unknown][] = [
    ['payloadFormatIndicator', 2], ['payloadFormatIndicator', '1'], ['messageExpiryInterval', -1], ['messageExpiryInterval', 2 ** 32], ['messageExpiryInterval', 1.5],
    ['messageExpiryInterval', Number.NaN], ['messageExpiryInterval', true], ['contentType', 5], ['contentType', 'a\0'], ['contentType', '\uD800'], ['contentType', 'x'.repeat(65_536)],
    ['contentType', 'ä'.repeat(32_768)], ['responseTopic', ''], ['responseTopic', 'a/+'], ['responseTopic', '#'], ['correlationData', 5], ['correlationData', Buffer.alloc(65_536)],
    ['userProperties', 'a'], ['userProperties', 5], ['userProperties', [['a']]], ['userProperties', [['a', 'b', 'c']]], ['userProperties', [['a', 5]]], ['userProperties', { a: 5 }],
    ['userProperties', { a: ['x', 5] }], ['userProperties', [['\0', '']]], ['userProperties', [['a', '\uDC00']]], ['userProperties', ['ab']],
    ['subscriptionIdentifiers', [1]], ['subscriptionIdentifier', 1], ['topicAlias', 1], ['willDelayInterval', 1], ['reasonString', 'x'],
  ];
  for (const [name, value] of WRONG) {
    it(`${name} ${String(JSON.stringify(value)).slice(0, 30)}`, () => {
      const error = errorOf(() => encodeProperties('publish-out', { [name]: value }, 'publish.properties'));
      expect(error.code).toBe('ERR_MQTT_OPTION');
      expect(error.message).toContain(`publish.properties.${name}`);
    });
  }

  it('no error shows a value', () => {
    const error = errorOf(() => encodeProperties('publish-out', { userProperties: [['a', 'secret\0word']] }, 'x'));
    expect(error.message).not.toContain('secret');
  });
});

describe('the names of each place are those of table 2-4 of the standard', () => {
  const NAMES = {
    'will': ['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic', 'correlationData', 'willDelayInterval', 'userProperties'],
    'publish-out': ['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic', 'correlationData', 'userProperties'],
    'publish-in': [
      'payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic', 'correlationData', 'subscriptionIdentifiers', 'userProperties',
    ],
    'ack': ['reasonString', 'userProperties'],
    'subscribe': ['subscriptionIdentifier', 'userProperties'],
    'unsubscribe': ['userProperties'],
    'disconnect': ['sessionExpiryInterval', 'serverReference', 'reasonString', 'userProperties'],
    'connect': [
      'sessionExpiryInterval', 'authenticationMethod', 'authenticationData', 'requestProblemInformation', 'requestResponseInformation', 'receiveMaximum',
      'topicAliasMaximum', 'userProperties', 'maximumPacketSize',
    ],
    'connack': [
      'sessionExpiryInterval', 'assignedClientIdentifier', 'serverKeepAlive', 'authenticationMethod', 'authenticationData', 'responseInformation',
      'serverReference', 'reasonString', 'receiveMaximum', 'topicAliasMaximum', 'maximumQoS', 'retainAvailable', 'userProperties', 'maximumPacketSize',
      'wildcardSubscriptionAvailable', 'subscriptionIdentifiersAvailable', 'sharedSubscriptionAvailable',
    ],
  } as const;
  for (const [place, names] of Object.entries(NAMES)) {
    it(place, () => {
      expect(propertyNames(place as keyof typeof NAMES).sort()).toEqual([...names].sort());
    });
  }
});

describe('CONNACK', () => {
  it('every property is read', () => {
    const wire = bytes(
      '11 0000000a 12 0001 63 13 001e 15 0001 6d 16 0001 00 1a 0001 72 1c 0001 73 1f 0002 6f6b 21 0014 22 000a 24 01 25 00 26 0001 6b 0001 76 27 00000064 28 00 29 00 2a 00',
    );
    expect(decodeProperties('connack', wire)).toEqual({
      sessionExpiryInterval: 10, assignedClientIdentifier: 'c', serverKeepAlive: 30, authenticationMethod: 'm', authenticationData: Buffer.from([0]),
      responseInformation: 'r', serverReference: 's', reasonString: 'ok', receiveMaximum: 20, topicAliasMaximum: 10, maximumQoS: 1, retainAvailable: 0,
      userProperties: [['k', 'v']], maximumPacketSize: 100, wildcardSubscriptionAvailable: 0, subscriptionIdentifiersAvailable: 0, sharedSubscriptionAvailable: 0,
    });
  });
});

describe('malformed bytes throw ERR_MQTT_PROTOCOL and read nothing beyond their end', () => {
  for (const wire of ['01', '02 000000', '03', '03 00', '03 0005 61', '09 ffff 00', '26 0001 61', '26 0001 61 0002 62', '0b', '0b 80', '0b ffffffff', '0b 8000', '23 00', '7f', '00', '11 00000000']) {
    it(wire, () => {
      const inside = Buffer.concat([bytes(wire), Buffer.alloc(70_000, 1)]);
      const end = bytes(wire).length;
      expect(errorOf(() => decodeProperties('publish-in', inside, 0, end)).code).toBe('ERR_MQTT_PROTOCOL');
    });
  }
});

describe('variable byte integers [MQTT-1.5.5-1]', () => {
  for (const [value, wire] of [
    [0, '00'], [127, '7f'], [128, '8001'], [16_383, 'ff7f'], [16_384, '808001'], [2_097_151, 'ffff7f'], [2_097_152, '80808001'], [268_435_455, 'ffffff7f'],
  ] as const) {
    it(`${value} is ${wire}`, () => {
      const target = new Uint8Array(5);
      const end = writeVarint(target, 0, value);
      expect(Buffer.from(target.subarray(0, end)).toString('hex')).toBe(wire);
      expect(varintSize(value)).toBe(end);
      expect(readVarint(bytes(wire), 0)).toEqual({ value, end });
    });
  }
  for (const wire of ['', '80', 'ffffff', 'ffffffff', 'ffffffff7f', '8000', '808000']) {
    it(`${wire === '' ? 'nothing' : wire} is none`, () => {
      expect(readVarint(bytes(wire), 0)).toBeUndefined();
    });
  }
});
