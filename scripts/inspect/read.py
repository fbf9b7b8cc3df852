"""Prints what a binary says about itself: for each line of standard input, a file's name, one line of JSON. Only facts, the rules judge.

LIEF does the reading. A file it cannot read becomes {"error": ...}. Ends with its input.
"""

import json
import sys

import lief

lief.logging.disable()


def name_of(value):
    return str(value).rpartition(".")[2]


def elf(binary):
    header = binary.header
    tags = lief.ELF.DynamicEntry.TAG
    entries = list(binary.dynamic_entries)

    def paths(tag, field):
        return [getattr(entry, field) for entry in entries if entry.tag == tag]

    def value(tag):
        return next((entry.value for entry in entries if entry.tag == tag), 0)

    segments = [
        {
            "type": name_of(segment.type),
            "executable": segment.has(lief.ELF.Segment.FLAGS.X),
            "writable": segment.has(lief.ELF.Segment.FLAGS.W),
            "alignment": segment.alignment,
        }
        for segment in binary.segments
    ]
    symbols = []
    for symbol in binary.dynamic_symbols:
        version = symbol.symbol_version
        auxiliary = version.symbol_version_auxiliary if version and version.has_auxiliary_version else None
        symbols.append(
            {
                "name": symbol.name,
                "defined": symbol.shndx != 0,
                "binding": name_of(symbol.binding),
                "version": auxiliary.name if auxiliary else None,
            }
        )
    return {
        "format": "elf",
        "bits": 64 if header.identity_class == lief.ELF.Header.CLASS.ELF64 else 32,
        "endianness": "little" if header.identity_data == lief.ELF.Header.ELF_DATA.LSB else "big",
        "machine": name_of(header.machine_type),
        "kind": name_of(header.file_type),
        "flags": header.processor_flag,
        "needed": list(binary.libraries),
        "rpath": paths(tags.RPATH, "rpath") + paths(tags.RUNPATH, "runpath"),
        "textrel": any(entry.tag == tags.TEXTREL for entry in entries) or bool(value(tags.FLAGS) & 0x4),
        "bindNow": any(entry.tag == tags.BIND_NOW for entry in entries)
        or bool(value(tags.FLAGS) & 0x8)
        or bool(value(tags.FLAGS_1) & 0x1),
        "segments": segments,
        "sections": [section.name for section in binary.sections],
        "symbols": [symbol for symbol in symbols if symbol["name"]],
        "versions": [
            {"library": need.name, "names": [auxiliary.name for auxiliary in need.get_auxiliary_symbols()]}
            for need in binary.symbols_version_requirement
        ],
    }


def pe(binary):
    header, optional = binary.header, binary.optional_header
    exports = binary.get_export() if binary.has_exports else None

    def imports(of):
        return [{"library": entry.name, "names": [function.name for function in entry.entries]} for entry in of]

    stamps = [("file header", header.time_date_stamps)]
    if exports:
        stamps.append(("exports", exports.timestamp))
    stamps += [("debug directory", entry.timestamp) for entry in binary.debug]
    return {
        "format": "pe",
        "bits": 64 if optional.magic == lief.PE.PE_TYPE.PE32_PLUS else 32,
        "machine": name_of(header.machine),
        "isLibrary": header.has_characteristic(lief.PE.Header.CHARACTERISTICS.DLL),
        "characteristics": int(optional.dll_characteristics),
        "hasRelocations": binary.has_relocations,
        "exports": [entry.name for entry in exports.entries] if exports else [],
        "imports": imports(binary.imports),
        "delayed": imports(binary.delay_imports),
        "stamps": [{"of": of, "value": value} for of, value in stamps],
        "reproducible": binary.is_reproducible_build,
        "pdb": binary.codeview_pdb.filename if binary.codeview_pdb else None,
        "symbolCount": header.numberof_symbols,
        "sections": [
            {
                "name": section.name,
                "executable": section.has_characteristic(lief.PE.Section.CHARACTERISTICS.MEM_EXECUTE),
                "writable": section.has_characteristic(lief.PE.Section.CHARACTERISTICS.MEM_WRITE),
            }
            for section in binary.sections
        ],
    }


def macho(binary):
    header = binary.header
    symbols = []
    for symbol in binary.symbols:
        kind = symbol.raw_type
        if kind & 0xE0:
            symbols.append({"name": symbol.name, "kind": "debug"})
        elif kind & 0x01:
            symbols.append({"name": symbol.name, "kind": "exported" if kind & 0x0E else "undefined"})
        else:
            symbols.append({"name": symbol.name, "kind": "local"})
    # the second byte of an undefined symbol's description is the library it comes from
    for symbol, entry in zip(binary.symbols, symbols):
        if entry["kind"] == "undefined":
            entry["library"] = (symbol.description >> 8) & 0xFF
    minimum = binary.build_version.minos if binary.has_build_version else binary.version_min.version if binary.has_version_min else None
    identity = lief.MachO.LoadCommand.TYPE.ID_DYLIB
    return {
        "format": "macho",
        "bits": 64 if header.is_64bit else 32,
        "machine": name_of(header.cpu_type),
        "kind": name_of(header.file_type),
        "libraries": [library.name for library in binary.libraries if library.command != identity],
        "rpaths": [rpath.path for rpath in binary.rpaths],
        "symbols": symbols,
        "trie": [entry.symbol.name for entry in binary.dyld_exports_trie.exports if entry.symbol]
        if binary.has_dyld_exports_trie
        else [entry.symbol.name for entry in binary.dyld_info.exports if entry.symbol]
        if binary.has_dyld_info
        else [],
        "sections": [section.name for section in binary.sections],
        "executableStack": not binary.has_nx_stack,
        "signed": binary.has_code_signature,
        "minimum": ".".join(str(part) for part in minimum[:2]) if minimum else None,
    }


def read(file):
    binary = lief.parse(file)
    if isinstance(binary, lief.ELF.Binary):
        return elf(binary)
    if isinstance(binary, lief.PE.Binary):
        return pe(binary)
    if isinstance(binary, lief.MachO.Binary):
        return macho(binary)
    return {"error": "neither ELF nor PE nor Mach-O"}


def main():
    for line in sys.stdin:
        try:
            facts = read(line.rstrip("\n"))
        except Exception as error:  # whatever a broken file makes the reader do is a fact about the file
            facts = {"error": f"cannot be read: {error}"}
        print(json.dumps(facts), flush=True)


main()
