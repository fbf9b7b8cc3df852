import type { BuildTarget } from './targets.mjs';

export function inspectBinary(target: BuildTarget, file: string): Promise<string[]>;
export function judge(target: BuildTarget, facts: object): string[];
export function chosenTargets(args: readonly string[]): BuildTarget[];
