// Builds OpenSSL once for this machine: static, without anything a TLS client on memory buffers does not use.
//
//   1. The key of the build: OpenSSL's version, the options below, the compiler's answer about itself, and this file's checksum.
//   2. <cache>/openssl-<version>-<target>-<key>/ is there: done. <cache> is $MQTT_NATIVE_CACHE, else $XDG_CACHE_HOME/mqtt-native,
//      else ~/.cache/mqtt-native; it lies outside the checkout, so that a fresh clone finds it.
//   3. Take the lock; copy the sources into a temporary folder beside it; configure; build the two libraries.
//   4. Collect libssl.a, libcrypto.a, the headers and the licence, and rename the result into place.
//
// `node scripts/build-openssl.mjs [--source FOLDER]` prints the folder on stdout; progress goes to stderr. CMake calls it when
// it is not given MQN_OPENSSL_ROOT. CC, AR and RANLIB choose the tools, also for cross builds: CC="zig cc -target aarch64-linux-gnu.2.28".
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, ask, cacheFolder, isProgram, jobs, main, need, readText, root, say, sha256, withLock } from './tools.mjs';

const version = '4.0.3';
const defaultSource = path.join(root, 'native/sources/vendor/openssl-src/openssl');

// Left out: every way in or out but memory (sockets, files of configuration, consoles, loadable modules), protocols below TLS 1.2,
// QUIC and DTLS, formats and algorithms that no MQTT broker's certificate or cipher suite needs.
const options = `
  no-shared no-pinshared no-tests no-apps no-docs no-demos no-makedepend no-dso no-module no-dynamic-engine no-engine no-legacy
  no-autoload-config no-atexit no-async no-sock no-ui-console no-dtls no-quic no-ssl3 no-tls1 no-tls1_1 no-ssl-trace no-sslkeylog
  no-srp no-srtp no-nextprotoneg no-ct no-ocsp no-http no-multiblock no-cms no-cmp no-ts no-rfc3779 no-comp no-deprecated no-winstore
  no-capieng no-afalgeng no-padlockeng no-uplink no-thread-pool no-default-thread-pool no-idea no-seed no-camellia no-aria no-bf no-cast
  no-rc2 no-rc4 no-rc5 no-md4 no-mdc2 no-whirlpool no-rmd160 no-gost no-scrypt no-argon2 no-siphash no-siv no-ocb no-blake2 no-ec2m
  no-dsa no-slh-dsa no-ml-dsa no-tls-deprecated-ec no-sm2-precomp
  --prefix=/ --libdir=lib --openssldir=/nonexistent/ssl`.trim().split(/\s+/);

// OpenSSL keeps its compiler flags as a string in the library. Flags that hold a path of this machine are therefore in a file, which
// the compiler reads (@flags) and the library names.
const flagsFile = 'flags';
const baseFlags = '-O2 -g1 -fPIC -ffunction-sections -fdata-sections -fvisibility=hidden';

// The compiler's own name for its target -> OpenSSL's.
const targets = [
  [/^x86_64-.*(mingw|windows)/, 'mingw64'],
  [/^(i[3-6]86|x86)-.*(mingw|windows)/, 'mingw'],
  [/^x86_64.*linux/, 'linux-x86_64'],
  [/^aarch64.*linux/, 'linux-aarch64'],
  [/^arm.*linux/, 'linux-armv4'],
  [/^loongarch64.*linux/, 'linux64-loongarch64'],
  [/^riscv64.*linux/, 'linux64-riscv64'],
  [/^i[3-6]86.*linux/, 'linux-x86'],
  [/^(aarch64|arm64).*(apple|darwin|macos)/, 'darwin64-arm64'],
  [/^x86_64.*(apple|darwin|macos)/, 'darwin64-x86_64'],
];

const isZig = (cc) => /\bzig\b/.test(cc);

function tools(given) {
  const cc = given.cc || process.env['CC'] || 'cc';
  const ar = given.ar || process.env['AR'] || 'ar';
  const ranlib = given.ranlib || process.env['RANLIB'] || 'ranlib';
  need('cc', cc);
  // The first word is the name it was called by (cc, gcc, x86_64-linux-gnu-gcc): the same compiler all the same.
  const identity = ask(cc, '--version').split('\n')[0].replace(/^\S+ /, '');
  const machine = ask(cc, '-dumpmachine') ?? '';
  const target = given.target || process.env['MQTT_NATIVE_OPENSSL_TARGET'] || targets.find(([pattern]) => pattern.test(machine))?.[1];
  if (!target) throw new BuildError(`no OpenSSL target is known for "${machine}": name one in MQTT_NATIVE_OPENSSL_TARGET`);
  // zig answers with the version of the clang in it
  const zig = isZig(cc) ? ask('zig', 'version') : undefined;
  return { cc, identity, zig, machine, target, ar, ranlib };
}

function sourceVersion(source) {
  const text = readText(path.join(source, 'VERSION.dat'));
  if (text === undefined) throw new BuildError(`no OpenSSL sources in ${source}: run "node native/sources/vendor.mjs"`);
  return ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`^${part}=(\\d+)`, 'm').exec(text)?.[1]).join('.');
}

/** Runs a step with its output in a log; shows the log's end when it fails. `onLine` sees each line. */
async function logged(file, args, cwd, log, onLine = () => {}) {
  const output = fs.createWriteStream(log, { flags: 'a' });
  const child = spawn(file, args, { cwd, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let rest = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
  }
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  await new Promise((resolve) => output.end(resolve));
  if (code !== 0) {
    say(readText(log).split('\n').slice(-30).join('\n'));
    throw new BuildError(`OpenSSL: ${path.basename(file)} ${args[0] ?? ''} failed with exit code ${code}`);
  }
}

// What a user set for other builds, or npm and make for this one, must not steer OpenSSL's.
function cleanEnvironment() {
  const environment = { ...process.env, SOURCE_DATE_EPOCH: process.env['SOURCE_DATE_EPOCH'] || '0', LC_ALL: 'C' };
  const others = 'CC CXX AR RANLIB CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LDLIBS MAKEFLAGS MFLAGS MAKELEVEL OPENSSL_LOCAL_CONFIG_DIR';
  for (const name of others.split(' ')) delete environment[name];
  return environment;
}

async function build({ cc, ar, ranlib, target }, source, work, log) {
  const folder = path.join(work, 'build');
  say(`OpenSSL ${version} for ${target}: configuring`);
  fs.cpSync(source, path.join(work, 'source'), { recursive: true });
  fs.mkdirSync(folder);
  const maps = [['../source', 'openssl'], [folder, 'openssl']];
  // Headers of zig's C libraries, which the debug information names.
  if (isZig(cc)) maps.push([/lib_dir = "(.*)"/.exec(ask('zig', 'env'))?.[1] ?? '', 'zig']);
  fs.writeFileSync(path.join(folder, flagsFile), maps.map(([from, to]) => `"-ffile-prefix-map=${from}=${to}"\n`).join(''));
  const flags = `${baseFlags}${isZig(cc) ? ' -fno-sanitize=undefined' : ''} @${flagsFile}`;
  const variables = [`CC=${cc}`, `AR=${ar}`, `RANLIB=${ranlib}`, 'RC=true', `CFLAGS=${flags}`];
  await logged('perl', ['../source/Configure', target, ...options, ...variables], folder, log);

  const total = (readText(path.join(folder, 'Makefile')).match(/^(crypto|ssl|providers)\/\S+-lib-\S+\.o(bj)?:/gm) ?? []).length;
  let compiled = 0;
  let shown = Date.now();
  await logged('make', [`-j${jobs}`, 'build_libs'], folder, log, (line) => {
    if (/ -c -o /.test(line)) compiled++;
    if (Date.now() - shown < 5000) return;
    shown = Date.now();
    say(`OpenSSL ${version}: ${compiled} of about ${total} files compiled`);
  });
}

function collect(source, work, result, manifest) {
  const folder = path.join(work, 'build');
  const headers = path.join(result, 'include/openssl');
  fs.mkdirSync(headers, { recursive: true });
  for (const from of [source, folder]) {
    for (const file of fs.readdirSync(path.join(from, 'include/openssl'))) {
      if (file.endsWith('.h')) fs.copyFileSync(path.join(from, 'include/openssl', file), path.join(headers, file));
    }
  }
  for (const file of ['libssl.a', 'libcrypto.a']) fs.copyFileSync(path.join(folder, file), path.join(result, file));
  fs.copyFileSync(path.join(source, 'LICENSE.txt'), path.join(result, 'LICENSE.txt'));
  fs.writeFileSync(path.join(result, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * The folder with include/, libssl.a and libcrypto.a; builds it when it is not there. `tools` are { cc, ar, ranlib, target }, where the
 * last is OpenSSL's name; what is not given is taken from the environment, or is this machine's.
 */
export async function openssl({ source = defaultSource, tools: given = {} } = {}) {
  const found = sourceVersion(source);
  if (found !== version) throw new BuildError(`${source} holds OpenSSL ${found}, expected ${version}`);
  const chosen = tools(given);
  const manifest = {
    version,
    target: chosen.target,
    compiler: chosen.identity,
    zig: chosen.zig,
    machine: chosen.machine,
    command: chosen.cc.includes(' ') ? chosen.cc : undefined,
    options,
    flags: baseFlags,
    script: sha256(fs.readFileSync(import.meta.filename)),
  };
  const key = sha256(JSON.stringify(manifest)).slice(0, 16);
  const result = path.join(cacheFolder(), `openssl-${version}-${chosen.target}-${key}`);
  if (fs.existsSync(result)) return result;

  need('perl', 'perl', '-MFindBin', '-MIPC::Cmd', '-MFile::Compare', '-e1');
  need('make');
  return withLock(`${result}.lock`, 'OpenSSL', async () => {
    if (fs.existsSync(result)) return result;
    const started = Date.now();
    const work = `${result}.building`;
    fs.rmSync(work, { recursive: true, force: true });
    fs.mkdirSync(work);
    const log = `${result}.log`;
    fs.rmSync(log, { force: true });
    try {
      await build(chosen, source, work, log);
      collect(source, work, path.join(work, 'result'), manifest);
      fs.renameSync(path.join(work, 'result'), result);
    } catch (error) {
      if (error instanceof BuildError) error.message += ` (log: ${log})`;
      throw error;
    } finally {
      fs.rmSync(work, { recursive: true, force: true });
    }
    fs.rmSync(log, { force: true });
    say(`OpenSSL ${version}: built in ${Math.round((Date.now() - started) / 1000)} s -> ${result}`);
    return result;
  });
}

if (isProgram(import.meta.url)) {
  const at = process.argv.indexOf('--source');
  await main(async () => console.log(await openssl(at > 0 ? { source: path.resolve(process.argv[at + 1] ?? '') } : {})));
}
