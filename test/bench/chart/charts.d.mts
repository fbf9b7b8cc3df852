import type { Chart } from './svg.mjs';
export const CHARTS: (Omit<Chart, 'groups' | 'footnote'> & {
  name: string;
  alt: string;
  /** Of the cells in the JSON of `npm run bench`. */
  groupsOf: (cells: object[]) => Chart['groups'];
})[];
