import type { CaseReport, FileReport } from './bundle/report.js';

export type JudgedCase = CaseReport & { file: string };

export function judge(file: { file: string; expected: CaseReport[]; report?: FileReport; ending?: string; addon: string }): JudgedCase[];
