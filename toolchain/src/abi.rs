//! Makes every function type fit the BPF calling convention: at most five
//! one-register arguments and at most one register returned.
//!
//! The new type is a pure function of the old one, so direct calls, indirect
//! calls and vtable entries stay consistent without any analysis:
//!  * a return value wider than one register is stored through a pointer that
//!    becomes the first argument;
//!  * when the arguments need more registers than there are, the leading ones
//!    stay in registers and the rest are stored in a block whose address is the
//!    last argument.
//!
//! Both blocks are one scratch area per caller: they are written right before
//! the call and read right after it, so all calls of a function can share them.
use crate::ir::*;
use llvm_sys::LLVMTypeKind::*;
use std::collections::HashMap;

/// How one function type is lowered.
#[derive(Clone)]
struct Low {
    /// The type that it becomes.
    ty: T,
    /// What it returned.
    ret: T,
    /// The result goes through a pointer that comes first.
    sret: bool,
    /// How many of the original parameters stay in registers.
    direct: usize,
    params: Vec<T>,
    /// Byte offset of each parameter that goes through the block.
    spill: Vec<u64>,
    spill_size: u64,
    ret_size: u64,
}

pub struct Abi<'a> {
    ir: &'a Ir,
    td: llvm_sys::target::LLVMTargetDataRef,
    seen: HashMap<T, Option<Low>>,
}

/// Registers that a value of this type needs.
unsafe fn regs(t: T) -> u64 {
    match LLVMGetTypeKind(t) {
        LLVMVoidTypeKind => 0,
        LLVMIntegerTypeKind => (LLVMGetIntTypeWidth(t) as u64).div_ceil(64),
        LLVMStructTypeKind => (0..LLVMCountStructElementTypes(t)).map(|i| regs(LLVMStructGetTypeAtIndex(t, i))).sum(),
        LLVMArrayTypeKind => LLVMGetArrayLength2(t) * regs(LLVMGetElementType(t)),
        LLVMVectorTypeKind => LLVMGetVectorSize(t) as u64 * regs(LLVMGetElementType(t)),
        LLVMFP128TypeKind => 2,
        _ => 1,
    }
}

impl<'a> Abi<'a> {
    pub unsafe fn new(ir: &'a Ir) -> Self {
        let td = llvm_sys::target::LLVMGetModuleDataLayout(ir.m);
        Abi { ir, td, seen: HashMap::new() }
    }

    unsafe fn size(&self, t: T) -> u64 {
        llvm_sys::target::LLVMABISizeOfType(self.td, t).next_multiple_of(8)
    }

    /// What becomes of a function type; nothing, if it fits as it is.
    unsafe fn lower(&mut self, ft: T) -> Option<Low> {
        if let Some(l) = self.seen.get(&ft) {
            return l.clone();
        }
        let ret = LLVMGetReturnType(ft);
        let params = param_types(ft);
        let sret = regs(ret) > 1;
        let cap = 5 - sret as u64;
        let total: u64 = params.iter().map(|t| regs(*t)).sum();
        let mut direct = params.len();
        if total > cap {
            let mut used = 0;
            direct = 0;
            while direct < params.len() && used + regs(params[direct]) < cap {
                used += regs(params[direct]);
                direct += 1;
            }
        }
        let low = if !sret && direct == params.len() {
            None
        } else {
            assert!(LLVMIsFunctionVarArg(ft) == 0, "variadic function with a wide signature");
            let mut new = vec![];
            if sret {
                new.push(self.ir.ptr);
            }
            new.extend_from_slice(&params[..direct]);
            let mut spill = vec![];
            let mut off = 0;
            for t in &params[direct..] {
                spill.push(off);
                off += self.size(*t);
            }
            if direct < params.len() {
                new.push(self.ir.ptr);
            }
            let nret = if sret { self.ir.void } else { ret };
            Some(Low {
                ty: self.ir.fnty(nret, &new),
                ret,
                sret,
                direct,
                params,
                spill,
                spill_size: off,
                ret_size: if sret { self.size(ret) } else { 0 },
            })
        };
        self.seen.insert(ft, low.clone());
        low
    }

    /// Stores a value piece by piece (first-class aggregates would otherwise
    /// survive as such, and they optimise badly).
    unsafe fn put(&self, v: V, p: V, off: u64) {
        let ir = self.ir;
        let t = LLVMTypeOf(v);
        match LLVMGetTypeKind(t) {
            LLVMStructTypeKind => {
                for i in 0..LLVMCountStructElementTypes(t) {
                    let o = llvm_sys::target::LLVMOffsetOfElement(self.td, t, i);
                    self.put(LLVMBuildExtractValue(ir.b, v, i, NAME), p, off + o);
                }
            }
            LLVMArrayTypeKind => {
                let s = llvm_sys::target::LLVMABISizeOfType(self.td, LLVMGetElementType(t));
                for i in 0..LLVMGetArrayLength2(t) {
                    self.put(LLVMBuildExtractValue(ir.b, v, i as u32, NAME), p, off + i * s);
                }
            }
            LLVMIntegerTypeKind if LLVMGetIntTypeWidth(t) == 128 => {
                ir.store(ir.lo(v), p, off, 8);
                ir.store(ir.hi(v), p, off + 8, 8);
            }
            _ => ir.store(v, p, off, 8.min(llvm_sys::target::LLVMABIAlignmentOfType(self.td, t))),
        }
    }

    /// Loads a value piece by piece.
    unsafe fn get(&self, t: T, p: V, off: u64) -> V {
        let ir = self.ir;
        match LLVMGetTypeKind(t) {
            LLVMStructTypeKind => {
                let mut v = LLVMGetPoison(t);
                for i in 0..LLVMCountStructElementTypes(t) {
                    let o = llvm_sys::target::LLVMOffsetOfElement(self.td, t, i);
                    let e = self.get(LLVMStructGetTypeAtIndex(t, i), p, off + o);
                    v = LLVMBuildInsertValue(ir.b, v, e, i, NAME);
                }
                v
            }
            LLVMArrayTypeKind => {
                let et = LLVMGetElementType(t);
                let s = llvm_sys::target::LLVMABISizeOfType(self.td, et);
                let mut v = LLVMGetPoison(t);
                for i in 0..LLVMGetArrayLength2(t) {
                    let e = self.get(et, p, off + i * s);
                    v = LLVMBuildInsertValue(ir.b, v, e, i as u32, NAME);
                }
                v
            }
            LLVMIntegerTypeKind if LLVMGetIntTypeWidth(t) == 128 => {
                ir.join(ir.load(ir.i64, p, off, 8), ir.load(ir.i64, p, off + 8, 8))
            }
            _ => ir.load(t, p, off, 8.min(llvm_sys::target::LLVMABIAlignmentOfType(self.td, t))),
        }
    }

    /// Rewrites every function and every call of the module.
    pub unsafe fn run(&mut self) {
        for f in functions(self.ir.m) {
            let n = name(f);
            if !n.starts_with("llvm.") {
                self.function(f);
            }
        }
        for f in functions(self.ir.m) {
            if has_body(f) {
                self.calls(f);
            }
        }
    }

    /// Replaces a function by one of the lowered type that has its body and its name.
    unsafe fn function(&mut self, f: V) {
        let Some(l) = self.lower(LLVMGlobalGetValueType(f)) else { return };
        let ir = self.ir;
        let new = LLVMAddFunction(ir.m, NAME, l.ty);
        LLVMSetLinkage(new, LLVMGetLinkage(f));
        LLVMSetVisibility(new, LLVMGetVisibility(f));
        LLVMSetUnnamedAddress(new, LLVMGetUnnamedAddress(f));
        // No attribute is copied: most describe the old parameters, and memory
        // attributes are false once results travel through memory.
        let nounwind = LLVMGetEnumAttributeKindForName(c"nounwind".as_ptr(), 8);
        LLVMAddAttributeAtIndex(new, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(ir.cx, nounwind, 0));
        if has_body(f) {
            loop {
                let bb = LLVMGetFirstBasicBlock(f);
                if bb.is_null() {
                    break;
                }
                LLVMRemoveBasicBlockFromParent(bb);
                LLVMAppendExistingBasicBlock(new, bb);
            }
            LLVMPositionBuilderBefore(ir.b, LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(new)));
            let np = params(new);
            let shift = l.sret as usize;
            for (i, p) in params(f).into_iter().enumerate() {
                let v = if i < l.direct {
                    np[i + shift]
                } else {
                    self.get(l.params[i], *np.last().unwrap(), l.spill[i - l.direct])
                };
                LLVMReplaceAllUsesWith(p, v);
            }
            if l.sret {
                for i in instructions(new) {
                    if !LLVMIsAReturnInst(i).is_null() {
                        LLVMPositionBuilderBefore(ir.b, i);
                        self.put(op(i, 0), np[0], 0);
                        LLVMBuildRetVoid(ir.b);
                        LLVMInstructionEraseFromParent(i);
                    }
                }
            }
        }
        let n = name(f);
        LLVMReplaceAllUsesWith(f, new);
        LLVMDeleteFunction(f);
        LLVMSetValueName2(new, cs(&n).as_ptr(), n.len());
    }

    /// Rewrites the calls that a function makes.
    unsafe fn calls(&mut self, f: V) {
        let ir = self.ir;
        let mut work = vec![];
        let (mut rs, mut ss) = (0, 0);
        for i in instructions(f) {
            if LLVMIsACallInst(i).is_null() || !LLVMIsAInlineAsm(LLVMGetCalledValue(i)).is_null() {
                continue;
            }
            let callee = LLVMGetCalledValue(i);
            if !LLVMIsAFunction(callee).is_null() && name(callee).starts_with("llvm.") {
                continue;
            }
            if let Some(l) = self.lower(LLVMGetCalledFunctionType(i)) {
                rs = rs.max(l.ret_size);
                ss = ss.max(l.spill_size);
                work.push((i, l));
            }
        }
        let ra = if rs > 0 { ir.scratch(f, "sbf.ret", rs) } else { std::ptr::null_mut() };
        let sa = if ss > 0 { ir.scratch(f, "sbf.args", ss) } else { std::ptr::null_mut() };
        for (i, l) in work {
            LLVMPositionBuilderBefore(ir.b, i);
            let args: Vec<V> = (0..LLVMGetNumArgOperands(i)).map(|k| op(i, k)).collect();
            let mut new = vec![];
            if l.sret {
                new.push(ra);
            }
            new.extend_from_slice(&args[..l.direct]);
            if l.direct < args.len() {
                for (k, a) in args[l.direct..].iter().enumerate() {
                    self.put(*a, sa, l.spill[k]);
                }
                new.push(sa);
            }
            let c = LLVMBuildCall2(ir.b, l.ty, LLVMGetCalledValue(i), new.as_mut_ptr(), new.len() as u32, NAME);
            if l.sret {
                let v = self.get(l.ret, ra, 0);
                replace(i, v);
            } else if LLVMGetTypeKind(l.ret) == LLVMVoidTypeKind {
                LLVMInstructionEraseFromParent(i);
            } else {
                replace(i, c);
            }
        }
    }
}
