/** Text of others as it may be shown: without control characters, which a terminal would obey, and without this run's secrets. */

/** At most this much of what a server says. */
const LONGEST = 300;

export function cleaned(text: string): string {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}...` : plain;
}

/** Takes what must not be shown out of a text that somebody else has written, who may have got to know it. */
export class Secrets {
  readonly #secrets: readonly string[];

  constructor(...secrets: (string | undefined)[]) {
    this.#secrets = secrets.filter((secret) => secret !== undefined && secret !== '').sort((a, b) => b!.length - a!.length) as string[];
  }

  hide(text: string): string {
    let shown = text;
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, '***');
    return cleaned(shown);
  }
}
