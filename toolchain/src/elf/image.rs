//! Gathers the object's sections into the three that a program has, and applies its relocations.
use super::{put_u32, read_u32, read_u64};
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym, SymbolTable};
use object::{elf, Endianness};
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Header = elf::FileHeader64<Endianness>;

const E: Endianness = Endianness::Little;

pub const TEXT: usize = 0;
pub const RODATA: usize = 1;
/// Constants that hold addresses, which the loader relocates.
pub const RELRO: usize = 2;

/// Bytes of the file header and of its three program headers: where the first section may begin.
pub const HEADERS: u64 = 64 + 3 * 56;

const R_64_64: u32 = 1;
const R_ABS64: u32 = 2;
/// For the loader: the 64-bit value at this place is an address in the program.
pub const R_RELATIVE: u32 = 8;
/// For the linker a call; for the loader a call of a system function by name.
pub const R_CALL: u32 = 10;

#[derive(Default)]
pub struct Image {
    pub out: [Vec<u8>; 3],
    /// Addresses of the three.
    pub base: [u64; 3],
    /// Names of the system functions that are called.
    pub imports: Vec<String>,
    /// (address, type, number of the import counted from 1, or 0), for the loader.
    pub relocations: Vec<(u64, u32, u32)>,
    /// Names of functions by address.
    pub functions: BTreeMap<u64, String>,
    /// Where each of the object's sections went: which of the three, offset in it.
    place: HashMap<usize, (usize, u64)>,
    /// What could not be resolved.
    unresolved: BTreeSet<String>,
}

/// One relocation of the object, resolved as far as the object knows.
struct Relocation {
    kind: u32,
    section: usize,
    offset: usize,
    /// Address of the symbol, if the object defines it.
    target: Option<u64>,
    symbol: String,
}

pub fn read(data: &[u8]) -> Result<Image, String> {
    let err = |e: object::Error| e.to_string();
    let header = Header::parse(data).map_err(err)?;
    let sections = header.sections(E, data).map_err(err)?;
    let symbols = sections.symbols(E, data, elf::SHT_SYMTAB).map_err(err)?;
    let mut image = Image::default();
    image.gather(&sections, data).map_err(err)?;
    image.assign_addresses();
    for relocation in image.relocations_of(&sections, &symbols, data).map_err(err)? {
        image.apply(relocation);
    }
    if !image.unresolved.is_empty() {
        let list: Vec<String> = image.unresolved.into_iter().collect();
        return Err(format!("unresolved: {}", list.join(", ")));
    }
    image.relocations.sort();
    image.name_functions(&symbols).map_err(err)?;
    Ok(image)
}

/// Which of the three a section belongs to; none for what the loader never sees.
fn destination(name: &str, flags: u64) -> Option<usize> {
    if flags & elf::SHF_ALLOC as u64 == 0 || name.starts_with(".eh_frame") || name.starts_with(".llvm") {
        None
    } else if flags & elf::SHF_EXECINSTR as u64 != 0 {
        Some(TEXT)
    } else if name.starts_with(".rodata") {
        Some(RODATA)
    } else {
        Some(RELRO)
    }
}

impl Image {
    fn gather(&mut self, sections: &SectionTable<Header>, data: &[u8]) -> object::Result<()> {
        for (index, section) in sections.enumerate() {
            let name = String::from_utf8_lossy(sections.section_name(E, section)?);
            let Some(k) = destination(&name, section.sh_flags(E)) else { continue };
            if section.sh_size(E) == 0 {
                continue;
            }
            let out = &mut self.out[k];
            let start = out.len().next_multiple_of(section.sh_addralign(E).max(8) as usize);
            out.resize(start, 0);
            self.place.insert(index.0, (k, start as u64));
            if section.sh_type(E) == elf::SHT_NOBITS {
                out.resize(start + section.sh_size(E) as usize, 0);
            } else {
                out.extend_from_slice(section.data(E, data)?);
            }
        }
        Ok(())
    }

    fn assign_addresses(&mut self) {
        let mut at = HEADERS;
        for (base, out) in self.base.iter_mut().zip(&self.out) {
            *base = at.next_multiple_of(16);
            at = *base + out.len() as u64;
        }
    }

    fn address(&self, section: usize, offset: u64) -> Option<u64> {
        self.place.get(&section).map(|(k, start)| self.base[*k] + start + offset)
    }

    fn relocations_of(
        &self,
        sections: &SectionTable<Header>,
        symbols: &SymbolTable<Header>,
        data: &[u8],
    ) -> object::Result<Vec<Relocation>> {
        let mut all = vec![];
        for section in sections.iter() {
            let Some((list, _)) = section.rel(E, data)? else { continue };
            let Some(&(k, start)) = self.place.get(&(section.sh_info(E) as usize)) else { continue };
            for r in list {
                let symbol = symbols.symbol(object::SymbolIndex(r.r_sym(E) as usize))?;
                let defined = symbol.st_shndx(E) != elf::SHN_UNDEF;
                all.push(Relocation {
                    kind: r.r_type(E),
                    section: k,
                    offset: (start + r.r_offset.get(E)) as usize,
                    target: defined.then(|| self.address(symbol.st_shndx(E) as usize, symbol.st_value(E))).flatten(),
                    symbol: String::from_utf8_lossy(symbols.symbol_name(E, symbol)?).into_owned(),
                });
            }
        }
        Ok(all)
    }

    fn apply(&mut self, r: Relocation) {
        let place = self.base[r.section] + r.offset as u64;
        match (r.kind, r.target) {
            (R_64_64, Some(target)) => self.load_address(&r, place, target),
            (R_ABS64, Some(target)) => self.stored_address(&r, place, target),
            (R_CALL, Some(target)) => {
                // The immediate is -1 for a named symbol, for a section's the target in it as an index, less 1.
                let out = &mut self.out[r.section];
                let target = target as i64 + (read_u32(out, r.offset + 4) as i32 as i64 + 1) * 8;
                let distance = (target - place as i64) / 8 - 1;
                put_u32(out, r.offset + 4, distance as i32 as u32);
            }
            (R_CALL, None) => {
                let number = self.import(r.symbol);
                put_u32(&mut self.out[r.section], r.offset + 4, u32::MAX);
                self.relocations.push((place, R_CALL, number));
            }
            (R_64_64 | R_ABS64, None) => {
                self.unresolved.insert(r.symbol);
            }
            (kind, _) => {
                self.unresolved.insert(format!("relocation of type {kind} against {}", r.symbol));
            }
        }
    }

    /// An address in the two halves of an `lddw`.
    fn load_address(&mut self, r: &Relocation, place: u64, target: u64) {
        let out = &mut self.out[r.section];
        let addend = read_u32(out, r.offset + 4) as u64 | (read_u32(out, r.offset + 12) as u64) << 32;
        let value = target.wrapping_add(addend);
        put_u32(out, r.offset + 4, value as u32);
        put_u32(out, r.offset + 12, (value >> 32) as u32);
        self.relocations.push((place, R_RELATIVE, 0));
    }

    /// An address in a constant: outside of the code the loader reads it from the upper four bytes.
    fn stored_address(&mut self, r: &Relocation, place: u64, target: u64) {
        let out = &mut self.out[r.section];
        let value = target.wrapping_add(read_u64(out, r.offset));
        put_u32(out, r.offset, 0);
        put_u32(out, r.offset + 4, value as u32);
        self.relocations.push((place, R_RELATIVE, 0));
    }

    /// The number of an imported function, counted from 1.
    fn import(&mut self, name: String) -> u32 {
        let known = self.imports.iter().position(|n| *n == name);
        let index = known.unwrap_or_else(|| {
            self.imports.push(name);
            self.imports.len() - 1
        });
        index as u32 + 1
    }

    fn name_functions(&mut self, symbols: &SymbolTable<Header>) -> object::Result<()> {
        for symbol in symbols.iter().filter(|s| s.st_type() == elf::STT_FUNC && s.st_shndx(E) != 0) {
            if let Some(address) = self.address(symbol.st_shndx(E) as usize, symbol.st_value(E)) {
                let name = String::from_utf8_lossy(symbols.symbol_name(E, symbol)?).into_owned();
                self.functions.insert(address, name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let mut image = Image { out: [vec![0; 24], vec![0; 8], vec![0; 16]], ..Image::default() };
        image.assign_addresses();
        image
    }

    fn relocation(kind: u32, section: usize, offset: usize, target: Option<u64>) -> Relocation {
        Relocation { kind, section, offset, target, symbol: "name".into() }
    }

    #[test]
    fn sections_follow_the_headers_without_overlap() {
        let image = image();
        assert_eq!(image.base, [240, 272, 288]);
    }

    #[test]
    fn a_constant_address_lies_in_the_upper_half() {
        let mut image = image();
        image.apply(relocation(R_ABS64, RELRO, 8, Some(272)));
        assert_eq!(image.out[RELRO][8..], [0, 0, 0, 0, 16, 1, 0, 0]);
        assert_eq!(image.relocations, [(296, R_RELATIVE, 0)]);
    }

    #[test]
    fn a_call_counts_instructions_from_the_next() {
        let mut image = image();
        put_u32(&mut image.out[TEXT], 4, u32::MAX);
        image.apply(relocation(R_CALL, TEXT, 0, Some(240 + 16)));
        assert_eq!(read_u32(&image.out[TEXT], 4), 1);
    }

    #[test]
    fn an_unknown_function_is_a_system_call_and_an_unknown_address_an_error() {
        let mut image = image();
        image.apply(relocation(R_CALL, TEXT, 8, None));
        assert_eq!((image.imports.len(), image.relocations[0]), (1, (248, R_CALL, 1)));
        image.apply(relocation(R_ABS64, RELRO, 0, None));
        assert!(image.unresolved.contains("name"));
    }
}
