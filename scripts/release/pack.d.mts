import type { PackedFacts } from './refusals.mjs';

export function packedFacts(folder: string, options: { complete: boolean }): PackedFacts;
export function publishArguments(version: string, options: { provenance: boolean }): string[];
