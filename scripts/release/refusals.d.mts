export interface BinaryFacts {
  name: string;
  file: string;
  runs: string | undefined;
  exists: boolean;
  size?: number;
  sha256?: string;
  built?: Date;
  problems?: string[];
  says?: { version: string | undefined } | undefined;
}

export interface PackedFacts {
  complete?: boolean;
  error?: string;
  files?: { path: string; size: number }[];
  size?: number;
  unpackedSize?: number;
  filename?: string;
}

export interface PlatformResult {
  target: string;
  runtime: string;
  passed: number;
  failed: number;
  skipped: number;
  sha256?: string;
}

export interface ReleaseFacts {
  versions: Record<string, string | undefined>;
  git: { commit: string; branch: string | undefined; changed: string[]; tags: string[] } | undefined;
  binaries: BinaryFacts[];
  sourcesChanged: Date | undefined;
  tests: { commit?: string; clean?: boolean; passed: number; failed: number } | undefined;
  platforms: { date: string; results: PlatformResult[] } | undefined;
  changelog: string;
  packed?: PackedFacts;
}

export function refusals(facts: ReleaseFacts): string[];
export function changelogSection(text: string, version: string): { date: string | undefined; entries: string[] } | undefined;
