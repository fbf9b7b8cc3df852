/** Made by build.mjs: the files of test/contract by name, each loaded when it is called. */
declare module 'contract-files' {
  export const files: Record<string, () => Promise<unknown>>;
}
