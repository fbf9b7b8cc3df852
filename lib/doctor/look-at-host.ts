import type { Host } from '../platform/host.js';
import { cleaned } from './shown.js';
import { StepBuilder, type Step } from './report.js';

/** What this machine is, as far as it decides which addon can serve. */
export function lookAtHost(host: Host): Step {
  const step = new StepBuilder('host');
  step.fact('platform', `${host.platform} ${host.arch}`);
  step.fact('libc', host.libc === undefined ? undefined : [host.libc, host.libcVersion].filter((part) => part !== undefined).join(' '));
  step.fact('distribution', host.distribution === undefined ? undefined : cleaned(host.distribution.name));
  step.fact('uos', host.uos === undefined ? undefined : uosInWords(host.uos));
  step.fact('loongarchWorld', host.loongarchWorld);
  step.fact('runtime', `${host.runtime} ${host.node}`);
  step.fact('napi', host.napi);
  step.fact('target', host.target ?? null);
  return step.build();
}

/** `UOS 20 Desktop Professional (1060), build 11018.101` */
function uosInWords({ edition, majorVersion, minorVersion, build }: NonNullable<Host['uos']>): string {
  const parts = ['UOS', majorVersion, edition, minorVersion && `(${minorVersion})`, build && `build ${build}`];
  return cleaned(parts.filter((part) => part !== undefined && part !== '').join(' '));
}
