import type { Language } from '../report.js';
import { en } from './en.js';
import { zh } from './zh.js';

/** A table of texts: the keys of the English one. */
export type Texts = Widened<typeof en>;
type Widened<T> = T extends string ? string : { readonly [Key in keyof T]: Widened<T[Key]> };

/** The stable name of something doctor has found. */
export type FindingId = keyof typeof en.findings;

export function textsOf(language: Language): Texts {
  return language === 'zh' ? zh : en;
}

/** Puts the values in; each `{name}` of a text must have one. */
export function fill(text: string, values: Readonly<Record<string, string>> = {}): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for {${name}} in the text "${text}"`);
    return value;
  });
}
