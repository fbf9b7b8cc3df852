import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

// What of an ELF file tells whether this process can load it, and which libc and which LoongArch world a program is of. Only headers are
// read; the file is somebody else's and may say anything, so every offset is checked against its size.

/** Of an ELF file's headers. */
export interface Elf {
  /** As process.arch says it, or `machine N` (N: e_machine). */
  readonly arch: string;
  /** e_flags: what else the machine's ABI is told by. */
  readonly flags: number;
  /** PT_INTERP: the dynamic loader that a program asks for. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED: the libraries it wants. */
  readonly needed: readonly string[];
  /** The file is shorter than its headers say. To map it is not safe: a read behind its end kills the process. */
  readonly truncated: boolean;
}

const ARCHITECTURES: Readonly<Record<number, string>> = {
  3: 'ia32', 8: 'mips', 20: 'ppc', 21: 'ppc64', 22: 's390x', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64', 258: 'loong64',
};

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** Far above what a linker writes; a broken header could ask for gigabytes. */
const MOST_BYTES = 1 << 20;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads numbers of one file, of its class and byte order. */
class Reader {
  little = true;
  wide = true;

  constructor(private readonly fd: number, readonly size: number) {}

  /** Bytes [offset, offset + length), or fewer where the file ends. */
  bytes(offset: number, length: number): DataView {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, MOST_BYTES, this.size - offset)));
    const count = buffer.length === 0 ? 0 : readSync(this.fd, buffer, 0, buffer.length, offset);
    return new DataView(buffer.buffer, buffer.byteOffset, count);
  }

  half(view: DataView, at: number): number {
    return view.getUint16(at, this.little);
  }

  word(view: DataView, at: number): number {
    return view.getUint32(at, this.little);
  }

  /** An address or offset: 8 bytes in a 64-bit file, else 4. */
  long(view: DataView, at: number): number {
    return this.wide ? Number(view.getBigUint64(at, this.little)) : view.getUint32(at, this.little);
  }

  /** The text at an offset, up to its NUL. */
  text(offset: number, longest = 4096): string {
    const view = this.bytes(offset, longest);
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('latin1').split('\0', 1)[0]!;
  }
}

/** Undefined: not an ELF file, or one whose first header is cut. Throws what reading the file throws. */
export function readElf(file: string): Elf | undefined {
  const fd = openSync(file, 'r');
  try {
    return parse(new Reader(fd, fstatSync(fd).size));
  } finally {
    closeSync(fd);
  }
}

function parse(reader: Reader): Elf | undefined {
  const header = reader.bytes(0, 64);
  if (header.byteLength < 52 || header.getUint32(0) !== 0x7f454c46) return undefined;
  reader.wide = header.getUint8(4) === 2;
  reader.little = header.getUint8(5) === 1;
  if (reader.wide && header.byteLength < 64) return undefined;
  const { wide } = reader;
  const machine = reader.half(header, 18);
  const flags = reader.word(header, wide ? 48 : 36);
  const sections = reader.long(header, wide ? 40 : 32) + reader.half(header, wide ? 58 : 46) * reader.half(header, wide ? 60 : 48);
  const segments = readSegments(reader, header);
  // The table of sections is the last thing in a file as linkers write it: with it, no byte is missing.
  const truncated = segments === undefined || sections > reader.size || segments.some(({ offset, size }) => offset + size > reader.size);
  const interpreter = segments?.find(({ type }) => type === PT_INTERP);
  return {
    arch: ARCHITECTURES[machine] ?? `machine ${machine}`,
    flags,
    interpreter: interpreter && reader.text(interpreter.offset, interpreter.size),
    needed: segments === undefined || truncated ? [] : readNeeded(reader, segments),
    truncated,
  };
}

/** Undefined: the file ends before its table does. */
function readSegments(reader: Reader, header: DataView): Segment[] | undefined {
  const { wide } = reader;
  const entry = wide ? 56 : 32;
  const count = reader.half(header, wide ? 56 : 44);
  const table = reader.bytes(reader.long(header, wide ? 32 : 28), count * entry);
  if (table.byteLength < count * entry) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = index * entry;
    return {
      type: reader.word(table, at),
      offset: reader.long(table, at + (wide ? 8 : 4)),
      address: reader.long(table, at + (wide ? 16 : 8)),
      size: reader.long(table, at + (wide ? 32 : 16)),
    };
  });
}

function readNeeded(reader: Reader, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const table = reader.bytes(dynamic.offset, dynamic.size);
  const half = reader.wide ? 8 : 4;
  const names: number[] = [];
  let strings: number | undefined;
  for (let at = 0; at + 2 * half <= table.byteLength; at += 2 * half) {
    const tag = reader.long(table, at);
    if (tag === DT_NEEDED) names.push(reader.long(table, at + half));
    if (tag === DT_STRTAB) strings = reader.long(table, at + half);
  }
  const found = strings ?? -1;
  const home = segments.find(({ type, address, size }) => type === PT_LOAD && found >= address && found < address + size);
  if (home === undefined) return [];
  const start = found - home.address + home.offset;
  return names.map((name) => reader.text(start + name, 256));
}
