import type { EngineStock } from '../engine/select.js';
import type { EngineAttempt } from '../errors.js';
import type { Host } from '../platform/host.js';
import { cleaned } from './shown.js';
import { StepBuilder, type Step } from './report.js';

/** Which engines there are, of what they are made, and what kept one from being there. `variable` is MQTT_NATIVE_ENGINE. */
export function lookAtEngine(stock: EngineStock, host: Host, packageVersion: string, variable: string | undefined): Step {
  const step = new StepBuilder('engine');
  const { native, js, attempts } = stock;
  const parts = Object.fromEntries((native?.version ?? '').split(' ').map((part) => part.split('/') as [string, string]));
  step.fact('package', packageVersion);
  step.fact('native', native !== undefined);
  step.fact('file', native?.file);
  step.fact('core', parts['mqtt-native']).fact('paho', parts['paho']).fact('libuv', parts['libuv']).fact('openssl', parts['openssl']);
  step.fact('mqttjs', js?.version ?? null);
  step.fact('nodeOpenssl', process.versions.openssl);
  if (variable !== undefined && variable !== '') step.fact('variable', cleaned(variable));
  if (attempts.length > 0) {
    step.fact('attempts', attempts.map(({ engine, file, error }) => ({ engine, file: file ?? null, error: cleaned(error.message) })));
  }

  if (variable === 'native' || variable === 'js') {
    const failed = attempts.find(({ engine }) => engine === variable);
    if (failed !== undefined) step.problem('engine-asked-for', { engine: variable, detail: cleaned(failed.error.message) });
  } else if (variable !== undefined && variable !== '') {
    step.problem('engine-variable');
  }
  if (native === undefined && js === undefined) step.problem('engine-none');
  for (const attempt of attempts) {
    if (attempt.engine === 'js') step.warning('js-missing', { detail: cleaned(attempt.error.message) });
    else nativeFinding(step, attempt, host);
  }
  return step.build();
}

/** The addon is not there. lib/platform/load-failure.ts has put the cause in words; each has a remedy of its own here. */
function nativeFinding(step: StepBuilder, { file = '-', error }: EngineAttempt, host: Host): void {
  const text = error.message;
  const code = ((error.cause ?? error) as NodeJS.ErrnoException).code;
  const values = { file, detail: cleaned(text), target: host.target ?? `${host.platform}-${host.arch}` };
  if (host.loongarchWorld === 'old') step.warning('native-old-world');
  else if (code === 'ERR_DLOPEN_DISABLED' || code === 'ERR_ACCESS_DENIED') step.warning('native-disabled');
  else if (/it needs [A-Za-z]+ [\d.]+|the file is for (musl|glibc)/.test(text)) step.warning('native-libc', values);
  else if (/refused to load it|may not be read or run/.test(text)) step.warning('native-refused', values);
  else if (/the file is (empty|cut short|no addon|for )|not the addon of|the addon of mqtt-native \S+, and this is/.test(text)) step.warning('native-wrong-file', values);
  else if (/the file is not there|no prebuilt addon|No native build was found/.test(text)) step.warning('native-missing', values);
  else step.warning('native-not-loaded', values);
}
