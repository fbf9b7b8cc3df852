import type { Language } from './report.js';

/**
 * The language of the surroundings: the first of LC_ALL, LC_MESSAGES and LANG that is set decides, as elsewhere; where none is (Windows),
 * the system's. Chinese of any kind is zh, everything else en.
 */
export function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || Intl.DateTimeFormat().resolvedOptions().locale;
  return /^zh(?![a-z])/i.test(locale) ? 'zh' : 'en';
}
