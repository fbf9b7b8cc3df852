import type { ReleaseFacts } from './refusals.mjs';

export function versionFacts(folder: string): ReleaseFacts['versions'];
export function releaseFacts(folder: string): Promise<ReleaseFacts>;
