//! Lays out the file: headers, the three sections, the loader's tables, section headers.
use super::image::{Image, HEADERS, RELRO, RODATA, TEXT};

const SECTION_NAMES: [&str; 9] =
    ["", ".text", ".rodata", ".data.rel.ro", ".dynamic", ".dynsym", ".dynstr", ".rel.dyn", ".shstrtab"];

// Entries of .dynamic.
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_REL: u64 = 17;
const DT_RELSZ: u64 = 18;
const DT_RELENT: u64 = 19;
/// Room for all of them and the null entry that ends the list, used or not.
const DYNAMIC_SIZE: usize = 7 * 16;

const ET_DYN: u16 = 3;
const EM_BPF: u16 = 247;
/// Section flags: allocated and executable; allocated; allocated and writable.
const AX: u64 = 6;
const A: u64 = 2;
const AW: u64 = 3;

/// Little-endian bytes, appended.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, v: u16) -> &mut Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
    fn u32(&mut self, v: u32) -> &mut Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
    fn u64(&mut self, v: u64) -> &mut Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
}

/// A piece of the file at its place.
struct Part {
    at: u64,
    bytes: Vec<u8>,
}

impl Part {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

/// The program's file; `start` is the address of its entry point.
pub fn file(image: &Image, start: u64) -> Vec<u8> {
    let (symbols, names) = import_tables(image);
    let dynamic_at = (image.base[RELRO] + image.out[RELRO].len() as u64).next_multiple_of(8);
    let symbols = Part { at: dynamic_at + DYNAMIC_SIZE as u64, bytes: symbols };
    let names = Part { at: symbols.end(), bytes: names };
    let relocations = Part { at: names.end().next_multiple_of(8), bytes: relocation_table(image) };
    let dynamic = Part { at: dynamic_at, bytes: dynamic_table(&symbols, &names, &relocations) };

    let loader = [dynamic, symbols, names, relocations];
    let (headers, section_names, count) = section_table(image, &loader);
    let section_names = Part { at: loader[3].end(), bytes: section_names };
    let headers = Part { at: section_names.end().next_multiple_of(8), bytes: headers };

    let mut file = file_header(start, headers.at, count);
    file.0.extend(program_headers(image, &loader[0], loader[3].end()).0);
    let mut file = file.0;
    debug_assert_eq!(file.len() as u64, HEADERS);
    let code = [TEXT, RODATA, RELRO].map(|k| Part { at: image.base[k], bytes: image.out[k].clone() });
    for part in code.iter().chain(&loader).chain([&section_names, &headers]) {
        file.resize(part.at as usize, 0);
        file.extend_from_slice(&part.bytes);
    }
    file
}

/// .dynsym and .dynstr: the imported functions.
fn import_tables(image: &Image) -> (Vec<u8>, Vec<u8>) {
    let mut symbols = Bytes(vec![0; 24]);
    let mut names = vec![0];
    for import in &image.imports {
        symbols.u32(names.len() as u32);
        symbols.0.extend_from_slice(&[0x10, 0]); // global, no type
        symbols.u16(0).u64(0).u64(0);
        names.extend_from_slice(import.as_bytes());
        names.push(0);
    }
    (symbols.0, names)
}

fn relocation_table(image: &Image) -> Vec<u8> {
    let mut table = Bytes::default();
    for (place, kind, import) in &image.relocations {
        table.u64(*place).u64((*import as u64) << 32 | *kind as u64);
    }
    table.0
}

fn dynamic_table(symbols: &Part, names: &Part, relocations: &Part) -> Vec<u8> {
    let mut table = Bytes::default();
    if !relocations.bytes.is_empty() {
        table.u64(DT_REL).u64(relocations.at);
        table.u64(DT_RELSZ).u64(relocations.bytes.len() as u64);
        table.u64(DT_RELENT).u64(16);
    }
    table.u64(DT_SYMTAB).u64(symbols.at);
    table.u64(DT_STRTAB).u64(names.at);
    table.u64(DT_STRSZ).u64(names.bytes.len() as u64);
    table.0.resize(DYNAMIC_SIZE, 0);
    table.0
}

/// Section headers and their names, which the loader looks sections up by.
#[derive(Default)]
struct Sections {
    headers: Bytes,
    names: Vec<u8>,
    count: u16,
}

impl Sections {
    /// `link`, `info` and `entry` as the ELF specification has them for the section's type.
    fn add(&mut self, name: &str, kind: u32, flags: u64, part: (u64, usize), [link, info, entry]: [u32; 3]) {
        let (at, size) = part;
        self.headers.u32(self.names.len() as u32).u32(kind).u64(flags);
        self.names.extend_from_slice(name.as_bytes());
        self.names.push(0);
        self.headers.u64(if flags != 0 { at } else { 0 }).u64(at).u64(size as u64);
        self.headers.u32(link).u32(info).u64(8).u64(entry as u64);
        self.count += 1;
    }
}

/// The table, the names, and how many sections there are. Empty sections are left out, for the loader refuses some.
fn section_table(image: &Image, loader: &[Part; 4]) -> (Vec<u8>, Vec<u8>, u16) {
    let [dynamic, symbols, names, relocations] = loader;
    let size = |part: &Part| (part.at, part.bytes.len());
    let code = |k: usize| (image.base[k], image.out[k].len());
    let mut table = Sections { headers: Bytes(vec![0; 64]), names: vec![0], count: 1 };
    table.add(".text", 1, AX, code(TEXT), [0, 0, 0]);
    if !image.out[RODATA].is_empty() {
        table.add(".rodata", 1, A, code(RODATA), [0, 0, 0]);
    }
    if !image.out[RELRO].is_empty() {
        table.add(".data.rel.ro", 1, AW, code(RELRO), [0, 0, 0]);
    }
    let first = table.count as u32; // .dynamic; .dynsym and .dynstr follow it
    table.add(".dynamic", 6, AW, size(dynamic), [first + 2, 0, 16]);
    table.add(".dynsym", 11, A, size(symbols), [first + 2, 1, 24]);
    table.add(".dynstr", 3, A, size(names), [0, 0, 0]);
    if !relocations.bytes.is_empty() {
        table.add(".rel.dyn", 9, A, size(relocations), [first + 1, 0, 16]);
    }
    let length = SECTION_NAMES.iter().map(|n| n.len() + 1).sum();
    table.add(".shstrtab", 3, 0, (relocations.end(), length), [0, 0, 0]);
    table.names.resize(length, 0);
    (table.headers.0, table.names, table.count)
}

fn file_header(start: u64, sections_at: u64, sections: u16) -> Bytes {
    let mut h = Bytes(vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    h.u16(ET_DYN).u16(EM_BPF).u32(1);
    h.u64(start).u64(64).u64(sections_at);
    h.u32(0); // flags: sBPF v0
    h.u16(64).u16(56).u16(3); // this header; program headers: size, number
    h.u16(64).u16(sections).u16(sections - 1); // section headers; the last holds the names
    h
}

/// The code; everything read-only behind it; the dynamic table.
fn program_headers(image: &Image, dynamic: &Part, end: u64) -> Bytes {
    let mut h = Bytes::default();
    let text = (image.base[TEXT], image.out[TEXT].len() as u64);
    let constants = (image.base[RODATA], end - image.base[RODATA]);
    let table = (dynamic.at, dynamic.bytes.len() as u64);
    for (kind, flags, (at, size), align) in [(1, 5, text, 0x1000), (1, 4, constants, 0x1000), (2, 6, table, 8)] {
        h.u32(kind).u32(flags);
        h.u64(at).u64(at).u64(at).u64(size).u64(size).u64(align);
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::read::elf::{FileHeader, SectionHeader};
    use object::{elf, Endianness};

    #[test]
    fn another_reader_finds_every_section() {
        let mut image = Image::default();
        image.out = [vec![0x95; 8], vec![1; 4], vec![]];
        image.base = [240, 256, 272];
        image.imports.push("sol_log_".into());
        image.relocations.push((240, 10, 1));
        let bytes = file(&image, 240);
        let e = Endianness::Little;
        let header = elf::FileHeader64::<Endianness>::parse(&*bytes).unwrap();
        assert_eq!((header.e_entry(e), header.e_flags(e)), (240, 0));
        let sections = header.sections(e, &*bytes).unwrap();
        let (_, text) = sections.section_by_name(e, b".text").unwrap();
        assert_eq!(text.data(e, &*bytes).unwrap(), [0x95; 8]);
        let symbols = sections.symbols(e, &*bytes, elf::SHT_DYNSYM).unwrap();
        let import = symbols.symbol(object::SymbolIndex(1)).unwrap();
        assert_eq!(symbols.symbol_name(e, import).unwrap(), b"sol_log_");
        assert!(sections.section_by_name(e, b".data.rel.ro").is_none());
        assert!(sections.section_by_name(e, b".rel.dyn").is_some());
    }
}
