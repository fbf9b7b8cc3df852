/**
 * OpenSSL looks at the processor before main() in an ordinary program, through the library's .init section. A compiler that links no such
 * section leaves it blind: everything works, and AES is an order of magnitude slower. The addon must see what the system sees.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const { nativeAddon } = require('../../dist/engine/native/load.js') as { nativeAddon: () => { processor: string } | undefined };

const processor = nativeAddon()?.processor ?? 'no addon';
const cpuinfo = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';

/** Whether /proc/cpuinfo lists a flag for every processor. */
const systemHas = (flag: string): boolean => new RegExp(`^flags\\s*:.*\\b${flag}\\b`, 'm').test(cpuinfo);

const isX86 = process.arch === 'x64' || process.arch === 'ia32';
const isArm = process.arch === 'arm64' || process.arch === 'arm';
const steered = Object.keys(process.env).some((name) => /^OPENSSL_(ia32|arm)cap$/.test(name));

it.runIf(isX86)('OpenSSL has asked an x86 processor what it can', (test) => {
  if (steered) return test.skip('OPENSSL_ia32cap is set');
  const first = BigInt(/^OPENSSL_ia32cap=(0x[0-9a-f]{16}):/.exec(processor)?.[1] ?? 0);
  // bit 10 of the first word: asked; bit 26: SSE2, which every processor of 64 bits has
  expect(first & (1n << 10n)).not.toBe(0n);
  expect(first & (1n << 26n)).not.toBe(0n);
  if (cpuinfo === '') return;
  expect((first & (1n << 57n)) !== 0n, 'AES-NI').toBe(systemHas('aes'));
  expect((first & (1n << 33n)) !== 0n, 'PCLMULQDQ').toBe(systemHas('pclmulqdq'));
});

it.runIf(isArm)('OpenSSL has asked an ARM processor what it can', (test) => {
  if (steered) return test.skip('OPENSSL_armcap is set');
  const found = Number(/^OPENSSL_armcap=(0x[0-9a-f]+)/.exec(processor)?.[1] ?? 0);
  // bit 0: NEON, which the addon needs itself
  expect(found & 1).toBe(1);
});

it.skipIf(isX86 || isArm)('on other processors OpenSSL does not say what it has found', () => {
  expect(processor).toBe('N/A');
});
