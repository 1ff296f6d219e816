//! Rewrites the operations that LLVM's BPF back end can only turn into calls to library functions, or not at all:
//! 128-bit arithmetic, signed division, floating point, copies and fills, traps.
//!
//! [`Lower::run`] looks at every instruction of the module; a file for each kind of operation says what it becomes.
//! Helpers named `__sbf_*` are in `runtime/rt.c`, the floating-point functions in Rust's compiler_builtins.
mod float;
mod memory;
mod wide;

use crate::ir::*;
use llvm_sys::LLVMOpcode::*;
use llvm_sys::LLVMTypeKind::*;
use std::collections::BTreeSet;

/// Functions of compiler_builtins and libm that rewritten code may call: they must outlive the first clean-up.
/// Soft-float and libm symbols that later rewriting may call.
pub const KEEP: &[&str] = &[
    "__adddf3",
    "__subdf3",
    "__muldf3",
    "__divdf3",
    "__eqdf2",
    "__nedf2",
    "__ltdf2",
    "__ledf2",
    "__gtdf2",
    "__gedf2",
    "__unorddf2",
    "__addsf3",
    "__subsf3",
    "__mulsf3",
    "__divsf3",
    "__eqsf2",
    "__nesf2",
    "__ltsf2",
    "__lesf2",
    "__gtsf2",
    "__gesf2",
    "__unordsf2",
    "__extendsfdf2",
    "__truncdfsf2",
    "__fixdfsi",
    "__fixdfdi",
    "__fixdfti",
    "__fixunsdfsi",
    "__fixunsdfdi",
    "__fixunsdfti",
    "__fixsfsi",
    "__fixsfdi",
    "__fixsfti",
    "__fixunssfsi",
    "__fixunssfdi",
    "__fixunssfti",
    "__floatsidf",
    "__floatdidf",
    "__floattidf",
    "__floatunsidf",
    "__floatundidf",
    "__floatuntidf",
    "__floatsisf",
    "__floatdisf",
    "__floattisf",
    "__floatunsisf",
    "__floatundisf",
    "__floatuntisf",
    "fmod",
    "fmodf",
    "sqrt",
    "sqrtf",
    "floor",
    "floorf",
    "ceil",
    "ceilf",
    "trunc",
    "truncf",
    "round",
    "roundf",
    "rint",
    "rintf",
    "roundeven",
    "roundevenf",
    "fma",
    "fmaf",
    "fmin",
    "fminf",
    "fmax",
    "fmaxf",
    "pow",
    "powf",
    "exp",
    "expf",
    "log",
    "logf",
    "__powidf2",
    "__powisf2",
    "exp2",
    "exp2f",
    "log2",
    "log2f",
    "log10",
    "log10f",
];

pub struct Lower<'a> {
    ir: &'a Ir,
    /// What could not be rewritten.
    pub errors: BTreeSet<String>,
    /// The function being rewritten.
    f: V,
    /// Its area for the results of 128-bit helpers, once there is one.
    words: V,
}

/// What an instruction becomes.
enum Becomes {
    /// Itself: nothing to do.
    Same,
    /// A value, which takes its place.
    Value(V),
    /// What was built before it; it had no value.
    Nothing,
}

unsafe fn kind(t: T) -> LLVMTypeKind {
    LLVMGetTypeKind(t)
}

/// Width of an integer type; 0 for every other type.
unsafe fn bits(t: T) -> u32 {
    if kind(t) == LLVMIntegerTypeKind {
        LLVMGetIntTypeWidth(t)
    } else {
        0
    }
}

unsafe fn const_u64(v: V) -> Option<u64> {
    if LLVMIsAConstantInt(v).is_null() || bits(LLVMTypeOf(v)) > 64 {
        None
    } else {
        Some(LLVMConstIntGetZExtValue(v))
    }
}

impl<'a> Lower<'a> {
    pub fn new(ir: &'a Ir) -> Self {
        Lower { ir, errors: BTreeSet::new(), f: std::ptr::null_mut(), words: std::ptr::null_mut() }
    }

    /// Rewrites what there is to rewrite and returns how many operations that were.
    pub unsafe fn run(&mut self) -> usize {
        let mut count = 0;
        for f in functions(self.ir.m).into_iter().filter(|f| has_body(*f)) {
            self.f = f;
            self.words = std::ptr::null_mut();
            for i in instructions(f) {
                LLVMPositionBuilderBefore(self.ir.b, i);
                match self.rewrite(i) {
                    Becomes::Same => continue,
                    Becomes::Value(v) => replace(i, v),
                    Becomes::Nothing => LLVMInstructionEraseFromParent(i),
                }
                count += 1;
            }
        }
        count
    }

    unsafe fn rewrite(&mut self, i: V) -> Becomes {
        let width = bits(LLVMTypeOf(i));
        let opcode = LLVMGetInstructionOpcode(i);
        match opcode {
            LLVMSDiv | LLVMSRem if (1..=64).contains(&width) => self.signed_division(i, opcode == LLVMSRem),
            LLVMMul | LLVMUDiv | LLVMURem | LLVMSDiv | LLVMSRem if width > 64 => self.wide_arithmetic(i, opcode),
            LLVMShl | LLVMLShr | LLVMAShr if width > 64 && LLVMIsAConstantInt(op(i, 1)).is_null() => {
                self.wide_shift(i, opcode)
            }
            LLVMFAdd | LLVMFSub | LLVMFMul | LLVMFDiv | LLVMFRem | LLVMFNeg | LLVMFCmp | LLVMFPToUI | LLVMFPToSI
            | LLVMUIToFP | LLVMSIToFP | LLVMFPTrunc | LLVMFPExt => self.float(i, opcode),
            LLVMCall => {
                let callee = LLVMGetCalledValue(i);
                if LLVMIsAFunction(callee).is_null() || !name(callee).starts_with("llvm.") {
                    return Becomes::Same;
                }
                self.intrinsic(i, &name(callee))
            }
            _ => Becomes::Same,
        }
    }

    unsafe fn intrinsic(&mut self, i: V, n: &str) -> Becomes {
        let is = |prefix: &str| n.starts_with(prefix);
        if n.contains("mul.with.overflow") {
            self.multiply_with_overflow(i, n)
        } else if is("llvm.fshl") || is("llvm.fshr") {
            self.funnel_shift(i, n)
        } else if is("llvm.memcpy") || is("llvm.memmove") {
            self.copy(i, n)
        } else if is("llvm.memset") {
            self.fill(i)
        } else if matches!(n, "llvm.trap" | "llvm.debugtrap" | "llvm.ubsantrap") {
            self.ir.call("abort", self.ir.void, &[]);
            Becomes::Nothing
        } else {
            self.float_intrinsic(i, n)
        }
    }

    /// Notes that an instruction has no translation.
    unsafe fn refuse(&mut self, what: &str, i: V) -> Becomes {
        self.errors.insert(format!("{what}: {}", show(i).trim()));
        Becomes::Same
    }

    /// The function's 32 bytes for the results of 128-bit helpers.
    unsafe fn words(&mut self) -> V {
        if self.words.is_null() {
            self.words = self.ir.scratch(self.f, "sbf.words", 32);
        }
        self.words
    }

    /// Calls a compiler_builtins function the way rustc declared it: BPF's C
    /// calling convention in rustc passes and returns 128-bit integers by address.
    unsafe fn lib(&mut self, n: &str, ret: T, arg: V) -> V {
        let ir = self.ir;
        let decl = LLVMGetNamedFunction(ir.m, cs(n).as_ptr());
        let wide = |t| bits(t) == 128;
        if decl.is_null() || !(wide(ret) || wide(LLVMTypeOf(arg))) {
            return ir.call(n, ret, &[arg]);
        }
        let ft = LLVMGlobalGetValueType(decl);
        let w = self.words();
        let ps = param_types(ft);
        let mut args = vec![];
        if wide(ret) && LLVMGetReturnType(ft) == ir.void {
            args.push(w);
        }
        if wide(LLVMTypeOf(arg)) && ps[args.len()] == ir.ptr {
            ir.store(ir.lo(arg), w, 16, 8);
            ir.store(ir.hi(arg), w, 24, 8);
            args.push(ir.gep(w, 16));
        } else {
            args.push(arg);
        }
        let r = LLVMBuildCall2(ir.b, ft, decl, args.as_mut_ptr(), args.len() as u32, NAME);
        if args[0] == w {
            ir.join(ir.load(ir.i64, w, 0, 8), ir.load(ir.i64, w, 8, 8))
        } else {
            r
        }
    }
}
