// The doors of the architecture: which room may name which library. A line that opens another door fails here, with the file and the line,
// before it becomes a habit.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('native/sources/'))
    .sort();
}

/** Files below a folder with a line that matches, each as `file: line`. */
function namers(folder: string, ending: RegExp, line: RegExp): string[] {
  return filesBelow(folder, ending).flatMap((file) =>
    readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .filter((text) => line.test(text) && !/^\s*(\*|\/\/|\/\*)/.test(text))
      .map((text) => `${file}: ${text.trim()}`),
  );
}

const outside = (found: string[], ...rooms: string[]): string[] => found.filter((place) => !rooms.some((room) => place.startsWith(room)));

const TS = /\.m?ts$/;
const C = /\.(c|cc|h)$/;

describe('doors in lib/', () => {
  it('finds the doors it watches', () => {
    expect(namers('lib', TS, /['"]mqtt['"]/)).not.toEqual([]);
    expect(namers('lib', TS, /node-gyp-build/)).not.toEqual([]);
    expect(namers('lib', TS, /\/(native\/native-engine|js\/js-engine)\.js/)).not.toEqual([]);
  });

  it('only engine/js imports mqtt', () => {
    expect(outside(namers('lib', TS, /(from|require\(|import\() ?['"]mqtt(-packet)?['"]/), 'lib/engine/js/')).toEqual([]);
  });

  it('only engine/native/load.ts looks for the addon', () => {
    expect(outside(namers('lib', TS, /(from|require\() ?['"]node-gyp-build['"]/), 'lib/engine/native/load.ts')).toEqual([]);
  });

  it('only engine/select.ts names the two engines', () => {
    expect(outside(namers('lib', TS, /engine\/(native|js)\//), 'lib/engine/')).toEqual([]);
    expect(outside(namers('lib/engine', TS, /['"]\.\/(native|js)\//), 'lib/engine/select.ts')).toEqual([]);
    expect(namers('lib/engine/native', TS, /['"]\.\.\/js\//)).toEqual([]);
    expect(namers('lib/engine/js', TS, /['"]\.\.\/native\//)).toEqual([]);
  });
});

describe('doors in native/', () => {
  const include = (header: string): RegExp => new RegExp(`#\\s*include\\s*["<](${header})[">]`);

  it('only paho and core see Paho', () => {
    const found = namers('native', C, include('(MQTT|Clients|LinkedList|Messages|Thread|Socket|SocketBuffer|WebSocket|Proxy|Log|Heap|StackTrace|utf-8)\\w*\\.h'));
    expect(found).not.toEqual([]);
    expect(outside(found, 'native/paho/', 'native/core/src/')).toEqual([]);
  });

  it('only transport sees OpenSSL', () => {
    const found = namers('native', C, include('openssl/.*'));
    expect(found).not.toEqual([]);
    expect(outside(found, 'native/transport/tls')).toEqual([]);
  });

  it('uv.h stays below the binding, napi.h in it', () => {
    expect(outside(namers('native', C, include('uv\\.h')), 'native/transport/', 'native/paho/', 'native/core/src/')).toEqual([]);
    const napi = namers('native', C, include('(napi|node_api)\\.h'));
    expect(napi).not.toEqual([]);
    expect(outside(napi, 'native/node/')).toEqual([]);
  });

  it('the C ABI names nobody', () => {
    expect(namers('native/core/include', C, /#\s*include/).filter((line) => !/<std(def|int)\.h>/.test(line))).toEqual([]);
  });

  it('POSIX is named only where it is fenced off from Windows', () => {
    const found = namers('native', C, include('(pthread|unistd|signal|sys/.*|netinet/.*|arpa/.*|netdb|fcntl|poll)\\.h'));
    expect(outside(found, 'native/core/src/signals.c', 'native/paho/seams_async_utils.h', 'native/transport/pages.c')).toEqual([]);
  });
});
