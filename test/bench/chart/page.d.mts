export interface Merged {
  cells: { cell: string; title: string }[];
  failed: string[];
  footnote: string;
}
export function merge(results: { file: string; result: unknown }[]): Merged;
export function writeResults(merged: Merged, charts: { name: string; alt: string }[]): string;
export function replaceGenerated(page: string, results: string): string;
