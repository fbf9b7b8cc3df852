/** Cells of this suite; run.mjs says what a suite is. */
export const CELLS = {};
