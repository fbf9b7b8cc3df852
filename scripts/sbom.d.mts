export function sbom(options?: { epoch?: string }): string;
