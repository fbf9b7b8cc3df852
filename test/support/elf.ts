/** ELF files made of nothing but headers, for what only reads those: a loader's name, flags, wanted libraries, a machine. */

export interface ElfSketch {
  bits?: 32 | 64;
  /** e_machine */
  machine: number;
  /** e_flags */
  flags?: number;
  interpreter?: string;
  needed?: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

/** Laid out as header, segments, text, dynamic section; addresses are offsets plus 0x10000, and the last bytes a table of one section. */
export function makeElf({ bits = 64, machine, flags = 0, interpreter, needed = [] }: ElfSketch): Buffer {
  const wide = bits === 64;
  const [headerSize, segmentSize, sectionSize, half] = wide ? [64, 56, 64, 8] : [52, 32, 40, 4];
  const long = (buffer: Buffer, value: number, at: number): void => {
    if (wide) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUInt32LE(value, at);
  };
  const texts = ['', ...needed].map((text) => Buffer.from(`${text}\0`));
  const offsetOf = (index: number): number => texts.slice(0, index).reduce((sum, text) => sum + text.length, 0);
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const start = headerSize + 3 * segmentSize;
  const strings = start + loader.length;
  const dynamic = strings + offsetOf(texts.length);
  const entries = [...needed.map((_, index) => [1, offsetOf(index + 1)]), [5, strings + 0x10000], [0, 0]] as [number, number][];
  const end = dynamic + entries.length * 2 * half;

  const header = Buffer.alloc(headerSize);
  header.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  long(header, headerSize, wide ? 32 : 28);
  long(header, end, wide ? 40 : 32);
  header.writeUInt32LE(flags, wide ? 48 : 36);
  header.writeUInt16LE(segmentSize, wide ? 54 : 42);
  header.writeUInt16LE(3, wide ? 56 : 44);
  header.writeUInt16LE(sectionSize, wide ? 58 : 46);
  header.writeUInt16LE(1, wide ? 60 : 48);

  const segment = (type: number, offset: number, size: number): Buffer => {
    const buffer = Buffer.alloc(segmentSize);
    buffer.writeUInt32LE(type, 0);
    long(buffer, offset, wide ? 8 : 4);
    long(buffer, offset + 0x10000, wide ? 16 : 8);
    long(buffer, size, wide ? 32 : 16);
    return buffer;
  };
  const segments = [
    segment(interpreter === undefined ? 0 : PT_INTERP, start, loader.length),
    segment(PT_LOAD, 0, end),
    segment(PT_DYNAMIC, dynamic, entries.length * 2 * half),
  ];
  const table = Buffer.alloc(entries.length * 2 * half);
  entries.forEach(([tag, value], index) => {
    long(table, tag, index * 2 * half);
    long(table, value, (index * 2 + 1) * half);
  });
  return Buffer.concat([header, ...segments, loader, ...texts, table, Buffer.alloc(sectionSize)]);
}
