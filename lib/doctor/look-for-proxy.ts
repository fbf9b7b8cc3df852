import { isIPv6 } from 'node:net';
import { StepBuilder, type Step } from './report.js';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy'];

/**
 * Proxies are not used, and whoever has set these variables may believe they are. `direct`: whether a TCP connection was made without;
 * undefined: it was not tried, for want of an address.
 */
export function lookForProxy(env: NodeJS.ProcessEnv, host: string, port: number, direct: boolean | undefined): Step {
  const step = new StepBuilder('proxy');
  const entries = Object.entries(env).filter(([name, value]) => NAMES.includes(name.toLowerCase()) && value !== undefined && value !== '');
  const variables = entries.map(([name, value]) => `${name}=${shownProxy(value!)}`).sort();
  step.fact('variables', variables);
  if (direct !== undefined) step.fact('direct', direct);
  if (variables.length === 0) return step.build();
  const exceptions = env['no_proxy'] || env['NO_PROXY'] || '';
  step.fact('bypassed', isException(exceptions, host, port));
  const values = { variables: variables.join(', '), host, port: String(port) };
  // Without a proxy many networks resolve no outside names either.
  if (direct === true) step.note('proxy-not-used', values);
  else step.warning('proxy-needed', values);
  return step.build();
}

/** Without user name and password. */
function shownProxy(value: string): string {
  try {
    const { protocol, host } = new URL(value.includes('://') ? value : `http://${value}`);
    return `${protocol}//${host}`;
  } catch {
    return '?';
  }
}

/** Whether no_proxy names the host, as curl reads it: names and their subdomains, with a port or without, `*` for all. */
function isException(list: string, host: string, port: number): boolean {
  return list.split(/[\s,]+/).filter((entry) => entry !== '').some((entry) => {
    if (entry === '*') return true;
    if (isIPv6(entry)) return entry.toLowerCase() === host.toLowerCase();
    const [, name = '', only] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (only !== undefined && Number(only) !== port) return false;
    const bare = name.replace(/^\*?\./, '');
    const lower = host.toLowerCase();
    return lower === bare || lower.endsWith(`.${bare}`);
  });
}
