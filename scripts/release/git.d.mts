import type { ReleaseFacts } from './refusals.mjs';

export function gitFacts(folder: string): ReleaseFacts['git'];
export function lastCommitTo(folder: string, ...parts: string[]): Date | undefined;
export function readTestRecord(folder: string): ReleaseFacts['tests'];
export function beginTestRecord(folder: string): (total: { passed: number; failed: number; skipped: number }) => void;
