/**
 * For skipIf(): true when there is a reason to leave cases out, and prints it, because vitest only counts what is skipped.
 * Call it where the cases are declared; vitest puts the name of the file in front.
 */
export function leftOut(cases: string, reason: string | false | undefined): boolean {
  if (!reason) return false;
  console.info(`left out: ${cases} (${reason})`);
  return true;
}
