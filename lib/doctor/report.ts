import type { FindingId } from './texts/texts.js';

/**
 * What `doctor` has found out. `--json` prints it, with the texts of each finding; docs/guides/doctor.md documents that, and a change that
 * breaks readers of it raises `format`.
 */
export interface Report {
  readonly format: 1;
  /** Version of this package. */
  readonly version: string;
  /** When it was made, ISO 8601, UTC. */
  readonly date: string;
  /** The server without user name, password and query; null without a URL. */
  readonly url: string | null;
  readonly lang: Language;
  /** No step has failed, and none was left out for want of time. */
  readonly ok: boolean;
  /** The findings that are problems, in the order of the steps: the first one is what to see to first. */
  readonly problems: readonly FindingId[];
  readonly steps: readonly Step[];
}

export type Language = 'en' | 'zh';

export const STEPS = ['host', 'engine', 'dns', 'tcp', 'proxy', 'tls', 'connect', 'subscribe', 'publish', 'receive'] as const;
export type StepName = (typeof STEPS)[number];

type Simple = string | number | boolean | null;
export type Fact = Simple | readonly string[] | readonly Readonly<Record<string, Simple | readonly string[]>>[];

export interface Finding {
  readonly id: FindingId;
  /** `problem`: the step has failed. `warning`: it works, and somebody should see to it. `note`: good to know. */
  readonly severity: 'problem' | 'warning' | 'note';
  /** What is put into the texts. */
  readonly values: Readonly<Record<string, string>>;
}

export interface Step {
  readonly name: StepName;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** Milliseconds it took. */
  readonly ms: number;
  /** Why it was skipped, or which earlier step tells why it has failed: a step's name, `not-needed`, or `time`. Else null. */
  readonly because: StepName | 'not-needed' | 'time' | null;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly findings: readonly Finding[];
}

/** A step while it is being made. */
export class StepBuilder {
  readonly facts: Record<string, Fact> = {};
  readonly findings: Finding[] = [];
  readonly #start = performance.now();
  #because: Step['because'] = null;
  #failed = false;

  constructor(readonly name: StepName) {}

  fact(name: string, value: Fact | undefined): this {
    if (value !== undefined) this.facts[name] = value;
    return this;
  }

  problem(id: FindingId, values: Finding['values'] = {}): this {
    return this.#add('problem', id, values);
  }

  warning(id: FindingId, values: Finding['values'] = {}): this {
    return this.#add('warning', id, values);
  }

  note(id: FindingId, values: Finding['values'] = {}): this {
    return this.#add('note', id, values);
  }

  #add(severity: Finding['severity'], id: FindingId, values: Finding['values']): this {
    if (!this.findings.some((finding) => finding.id === id)) this.findings.push({ id, severity, values });
    return this;
  }

  /** It has failed, and an earlier step says why. */
  failedBecause(step: StepName): this {
    this.#failed = true;
    this.#because = step;
    return this;
  }

  get hasProblem(): boolean {
    return this.#failed || this.findings.some(({ severity }) => severity === 'problem');
  }

  build(): Step {
    const { name, facts, findings } = this;
    const warned = findings.some(({ severity }) => severity === 'warning');
    const status = this.hasProblem ? 'failed' : warned ? 'warning' : 'ok';
    return { name, status, ms: Math.round(performance.now() - this.#start), because: this.#because, facts, findings };
  }
}

export function skipped(name: StepName, because: NonNullable<Step['because']>): Step {
  return { name, status: 'skipped', ms: 0, because, facts: {}, findings: [] };
}
