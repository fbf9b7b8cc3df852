import type { Fact, Finding, Report, Step } from './report.js';
import { fill, textsOf, type Texts } from './texts/texts.js';

/** The report as text for a person, in its language. */
export function printReport(report: Report): string {
  const texts = textsOf(report.lang);
  const { words } = texts;
  const lines = [`mqtt-native doctor ${report.version}${report.url === null ? '' : `  ${report.url}`}`, ''];
  for (const step of report.steps) lines.push(...stepLines(step, texts));
  lines.push('', resultLine(report, words));
  if (report.url === null) lines.push(words.noUrl);
  return `${lines.join('\n')}\n`;
}

/** The report as JSON: what was found has its texts with it, in the language of the report. */
export function printJson(report: Report): string {
  const texts = textsOf(report.lang);
  const told = (finding: Finding): object => ({ ...finding, ...textsFor(finding, texts) });
  const steps = report.steps.map((step) => ({ ...step, findings: step.findings.map(told) }));
  return `${JSON.stringify({ ...report, steps }, undefined, 2)}\n`;
}

function resultLine(report: Report, words: Texts['words']): string {
  if (report.problems.length > 0) return fill(words.problems, { count: String(report.problems.length), ids: report.problems.join(', ') });
  if (!report.ok) return words.unfinished;
  const warnings = report.steps.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'warning').map(({ id }) => id));
  return warnings.length === 0 ? words.allGood : fill(words.warnings, { count: String(warnings.length), ids: warnings.join(', ') });
}

function textsFor({ id, values }: Finding, texts: Texts): { cause: string; remedy: string } {
  const { cause, remedy } = texts.findings[id];
  return { cause: fill(cause, values), remedy: fill(remedy, values) };
}

function stepLines(step: Step, texts: Texts): string[] {
  const { words, facts, steps } = texts;
  const lines = [`${words[step.status]} ${steps[step.name]}${step.because === null ? '' : `${words.colon}${becauseText(step, texts)}`}`];
  for (const [name, fact] of Object.entries(step.facts)) {
    const label = facts[name as keyof typeof facts] ?? name;
    lines.push(...factLines(label, fact, texts));
  }
  for (const finding of step.findings) {
    const { cause, remedy } = textsFor(finding, texts);
    const title = { problem: words.problem, warning: words.warned, note: words.note }[finding.severity];
    lines.push(`       ${fill(words.heading, { title, id: finding.id })}`);
    lines.push(`         ${words.cause}${words.colon}${cause}`, `         ${words.remedy}${words.colon}${remedy}`);
  }
  return lines;
}

function becauseText({ status, because }: Step, { words, steps }: Texts): string {
  if (because === 'not-needed') return words.notNeeded;
  if (because === 'time') return words.outOfTime;
  return fill(status === 'skipped' ? words.skippedAfter : words.seeStep, { step: steps[because!] });
}

function factLines(label: string, fact: Fact, { words, facts }: Texts): string[] {
  if (!Array.isArray(fact)) return [`       ${label}${words.colon}${simple(fact as string | number | boolean | null, words)}`];
  const items = fact as readonly (string | Readonly<Record<string, unknown>>)[];
  if (items.length === 0) return [`       ${label}${words.colon}-`];
  if (items.every((item) => typeof item === 'string')) return [`       ${label}${words.colon}${items.join(', ')}`];
  const entry = (item: Readonly<Record<string, unknown>>): string => Object.entries(item)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${facts[name as keyof typeof facts]}${words.colon}${Array.isArray(value) ? value.join(', ') : String(value)}`).join(words.semicolon);
  return [`       ${label}${words.colon.trimEnd()}`, ...items.map((item) => `         - ${typeof item === 'string' ? item : entry(item)}`)];
}

function simple(value: string | number | boolean | null, words: Texts['words']): string {
  if (value === null) return '-';
  return typeof value === 'boolean' ? (value ? words.yes : words.no) : String(value);
}
