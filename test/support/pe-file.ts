// Writes small DLLs for Windows by hand, so that the tests of what is read from a DLL need no compiler for Windows. They hold headers,
// an export table, an import table and a relocation, and nothing that could run.

export interface PeOptions {
  machine?: number;
  bits?: 32 | 64;
  characteristics?: number;
  timestamp?: number;
  /** In the order of the alphabet. */
  exports?: string[];
  imports?: Record<string, string[]>;
  relocations?: boolean;
  text?: string;
  textFlags?: number;
  extraSection?: string;
}

const alignment = 0x200;
const page = 0x1000;
const up = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Bytes that know the address they will be at. */
class Block {
  readonly #parts: Buffer[] = [];
  length = 0;

  constructor(readonly address: number) {}

  /** Returns the address of what was added. */
  add(bytes: Buffer): number {
    const at = this.address + this.length;
    this.#parts.push(bytes);
    this.length += bytes.length;
    return at;
  }

  string(text: string): number {
    return this.add(Buffer.from(`${text}\0`, 'latin1'));
  }

  words(...values: number[]): number {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, index * 4));
    return this.add(bytes);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function exportTable(block: Block, names: string[], timestamp: number): number {
  const library = block.string('addon.node');
  const strings = names.map((name) => block.string(name));
  const functions = block.words(...names.map(() => page));
  const pointers = block.words(...strings);
  const ordinals = block.add(Buffer.from(Uint16Array.from(names, (_, index) => index).buffer));
  return block.words(0, timestamp, 0, library, 1, names.length, names.length, functions, pointers, ordinals);
}

function importTable(block: Block, imports: Record<string, string[]>, bits: 32 | 64): number {
  const entries = Object.entries(imports).map(([library, functions]) => {
    const name = block.string(library);
    const hints = functions.map((text) => block.string(`\0\0${text}`));
    const thunks = [...hints, 0].flatMap((hint) => (bits === 64 ? [hint, 0] : [hint]));
    return [block.words(...thunks), 0, 0, name, block.words(...thunks)];
  });
  return block.words(...entries.flat(), 0, 0, 0, 0, 0);
}

function optionalHeader(bits: 32 | 64, characteristics: number, imageSize: number, directories: Map<number, [number, number]>): Buffer {
  const is64 = bits === 64;
  const header = Buffer.alloc(is64 ? 240 : 224);
  header.writeUInt16LE(is64 ? 0x20b : 0x10b, 0);
  if (is64) header.writeBigUInt64LE(0x180000000n, 24);
  else header.writeUInt32LE(0x10000000, 28);
  header.writeUInt32LE(page, 32);
  header.writeUInt32LE(alignment, 36);
  header.writeUInt16LE(6, 40);
  header.writeUInt16LE(6, 48);
  header.writeUInt32LE(imageSize, 56);
  header.writeUInt32LE(2 * alignment, 60);
  header.writeUInt16LE(3, 68);
  header.writeUInt16LE(characteristics, 70);
  header.writeUInt32LE(16, is64 ? 108 : 92);
  for (const [index, [address, size]] of directories) {
    header.writeUInt32LE(address, (is64 ? 112 : 96) + index * 8);
    header.writeUInt32LE(size, (is64 ? 112 : 96) + index * 8 + 4);
  }
  return header;
}

export function makePe(options: PeOptions = {}): Buffer {
  const { machine = 0x8664, bits = 64, characteristics = 0x160, timestamp = 0, relocations = true } = options;
  const { exports = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'], imports = { 'KERNEL32.dll': ['Sleep'] } } = options;

  const code = new Block(page);
  code.words(0xccccccc3);
  code.string(options.text ?? '');
  const data = new Block(code.address + up(code.length, page));
  const exportsAt = exportTable(data, exports, timestamp);
  const importsAt = importTable(data, imports, bits);
  const moves = new Block(data.address + up(data.length, page));
  // one entry of type DIR64 (HIGHLOW on 32 bits), and one that fills up to four bytes
  moves.words(page, 12, (bits === 64 ? 10 : 3) << 12);

  const sections: [string, Block, number][] = [
    ['.text', code, options.textFlags ?? 0x60000020],
    ['.rdata', data, 0x40000040],
  ];
  if (relocations) sections.push(['.reloc', moves, 0x42000040]);
  if (options.extraSection) {
    const extra = new Block(moves.address + page);
    extra.words(0);
    sections.push([options.extraSection, extra, 0x42000040]);
  }

  const directories = new Map<number, [number, number]>([[0, [exportsAt, 40]], [1, [importsAt, 40]]]);
  if (relocations) directories.set(5, [moves.address, moves.length]);
  const last = sections[sections.length - 1]![1];
  const optional = optionalHeader(bits, characteristics, last.address + up(last.length, page), directories);

  const dos = Buffer.alloc(0x40);
  dos.write('MZ', 0, 'latin1');
  dos.writeUInt32LE(0x40, 0x3c);
  const coff = Buffer.alloc(24);
  coff.write('PE\0\0', 0, 'latin1');
  coff.writeUInt16LE(machine, 4);
  coff.writeUInt16LE(sections.length, 6);
  coff.writeUInt32LE(timestamp, 8);
  coff.writeUInt16LE(optional.length, 20);
  coff.writeUInt16LE(bits === 64 ? 0x2022 : 0x2102, 22);

  let offset = 2 * alignment;
  const rows = sections.map(([name, block, flags]) => {
    const row = Buffer.alloc(40);
    row.write(name, 0, 8, 'latin1');
    row.writeUInt32LE(block.length, 8);
    row.writeUInt32LE(block.address, 12);
    row.writeUInt32LE(up(block.length, alignment), 16);
    row.writeUInt32LE(offset, 20);
    row.writeUInt32LE(flags, 36);
    offset += up(block.length, alignment);
    return row;
  });
  const padded = (bytes: Buffer, to: number): Buffer => Buffer.concat([bytes, Buffer.alloc(up(bytes.length, to) - bytes.length)]);
  const headers = padded(Buffer.concat([dos, coff, optional, ...rows]), 2 * alignment);
  return Buffer.concat([headers, ...sections.map(([, block]) => padded(block.bytes(), alignment))]);
}
