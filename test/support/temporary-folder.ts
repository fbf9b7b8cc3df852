/** A folder of one test file's own, removed at its end. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

export function makeTemporaryFolder(prefix: string): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), `mqtt-native-${prefix}-`));
}

export function removeFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
}
