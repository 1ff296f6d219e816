//! Floating point: every operation is a call to compiler_builtins, as the hardware would do it, bit for bit.
use super::*;
use llvm_sys::LLVMIntPredicate::*;
use llvm_sys::LLVMRealPredicate::*;

unsafe fn is_float(t: T) -> bool {
    matches!(kind(t), LLVMFloatTypeKind | LLVMDoubleTypeKind)
}

/// How compiler_builtins names a floating-point type.
unsafe fn letters(t: T) -> &'static str {
    if kind(t) == LLVMDoubleTypeKind {
        "df"
    } else {
        "sf"
    }
}

/// The width that a conversion works in, and how compiler_builtins names it.
fn conversion(width: u32) -> (u32, &'static str) {
    match width {
        0..=32 => (32, "si"),
        33..=64 => (64, "di"),
        _ => (128, "ti"),
    }
}

impl Lower<'_> {
    pub(super) unsafe fn float_intrinsic(&mut self, i: V, n: &str) -> Becomes {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        let ft = if is_float(t) {
            t
        } else if LLVMGetNumArgOperands(i) > 0 {
            LLVMTypeOf(op(i, 0))
        } else {
            return Becomes::Same;
        };
        if !is_float(ft) {
            return Becomes::Same;
        }
        let base = n.trim_start_matches("llvm.").split('.').next().unwrap_or_default();
        Becomes::Value(match base {
            "fabs" => self.without_sign(op(i, 0), None),
            "copysign" => self.without_sign(op(i, 0), Some(op(i, 1))),
            "fptosi" | "fptoui" => self.saturating(i, base == "fptosi"),
            "maxnum" | "minnum" | "maximumnum" | "minimumnum" => self.greater_or_less(i, base.starts_with("max")),
            "fmuladd" => {
                let m = ir.call(&format!("__mul{}3", letters(ft)), ft, &[op(i, 0), op(i, 1)]);
                ir.call(&format!("__add{}3", letters(ft)), ft, &[m, op(i, 2)])
            }
            "sqrt" | "floor" | "ceil" | "trunc" | "round" | "rint" | "nearbyint" | "roundeven" | "fma" | "pow"
            | "exp" | "exp2" | "log" | "log2" | "log10" | "powi" => self.libm(i, base, ft),
            "is" => return Becomes::Same, // is.fpclass is integer code
            _ => return self.refuse("floating point", i),
        })
    }

    unsafe fn libm(&mut self, i: V, base: &str, ft: T) -> V {
        let double = kind(ft) == LLVMDoubleTypeKind;
        let function = match base {
            "nearbyint" => "rint",
            "powi" if double => "__powidf2",
            "powi" => "__powisf2",
            same => same,
        };
        let function = if double || base == "powi" { function.to_string() } else { format!("{function}f") };
        let args: Vec<V> = (0..LLVMGetNumArgOperands(i)).map(|k| op(i, k)).collect();
        self.ir.call(&function, ft, &args)
    }

    /// The integer type of the same width, and its sign bit.
    unsafe fn image(&self, t: T) -> (T, i64) {
        if kind(t) == LLVMDoubleTypeKind {
            (self.ir.i64, i64::MIN)
        } else {
            (self.ir.i32, i32::MIN as i64)
        }
    }

    /// |v|, or |v| with the sign of another value.
    unsafe fn without_sign(&mut self, v: V, sign_of: Option<V>) -> V {
        let ir = self.ir;
        let t = LLVMTypeOf(v);
        let (it, sign) = self.image(t);
        let cast = |v| LLVMBuildBitCast(ir.b, v, it, NAME);
        let mut r = LLVMBuildAnd(ir.b, cast(v), LLVMConstNot(ir.k(it, sign)), NAME);
        if let Some(other) = sign_of {
            let s = LLVMBuildAnd(ir.b, cast(other), ir.k(it, sign), NAME);
            r = LLVMBuildOr(ir.b, r, s, NAME);
        }
        LLVMBuildBitCast(ir.b, r, t, NAME)
    }

    /// Saturating conversion to an integer: compiler_builtins' conversions saturate at their own width, and NaN gives 0.
    unsafe fn saturating(&mut self, i: V, signed: bool) -> V {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        let w = bits(t);
        let (via, _) = conversion(w);
        let vt = ir.int(via);
        let v = self.fp_to_int(op(i, 0), vt, signed);
        if w == via {
            return v;
        }
        let one = LLVMConstInt(vt, 1, 0);
        let power = |k: u32| LLVMBuildShl(ir.b, one, LLVMConstInt(vt, k as u64, 0), NAME);
        let r = if signed {
            let max = power(w - 1);
            let min = LLVMConstNeg(max);
            let max = LLVMConstSub(max, one);
            let v = ir.select(ir.icmp(LLVMIntSLT, v, min), min, v);
            ir.select(ir.icmp(LLVMIntSGT, v, max), max, v)
        } else {
            let max = LLVMConstSub(power(w), one);
            ir.select(ir.icmp(LLVMIntUGT, v, max), max, v)
        };
        LLVMBuildTrunc(ir.b, r, t, NAME)
    }

    /// The greater or lesser of two: a NaN gives way to the other operand, and +0 is greater than -0.
    unsafe fn greater_or_less(&mut self, i: V, max: bool) -> V {
        let ir = self.ir;
        let (x, y) = (op(i, 0), op(i, 1));
        let t = LLVMTypeOf(x);
        let first = if max { self.compare("gt", LLVMIntSGT, x, y) } else { self.compare("lt", LLVMIntSLT, x, y) };
        let nan = self.compare("unord", LLVMIntNE, y, y);
        let v = ir.select(LLVMBuildOr(ir.b, first, nan, NAME), x, y);
        let equal = self.compare("eq", LLVMIntEQ, x, y);
        let (it, _) = self.image(t);
        let cast = |v| LLVMBuildBitCast(ir.b, v, it, NAME);
        let both =
            if max { LLVMBuildAnd(ir.b, cast(x), cast(y), NAME) } else { LLVMBuildOr(ir.b, cast(x), cast(y), NAME) };
        ir.select(equal, LLVMBuildBitCast(ir.b, both, t, NAME), v)
    }

    /// Calls a comparison of compiler_builtins and compares its answer with 0.
    unsafe fn compare(&mut self, function: &str, predicate: LLVMIntPredicate, x: V, y: V) -> V {
        let ir = self.ir;
        let n = format!("__{function}{}2", letters(LLVMTypeOf(x)));
        let decl = LLVMGetNamedFunction(ir.m, cs(&n).as_ptr());
        let t = if decl.is_null() { ir.i32 } else { LLVMGetReturnType(LLVMGlobalGetValueType(decl)) };
        let answer = ir.call(&n, t, &[x, y]);
        ir.icmp(predicate, answer, LLVMConstInt(t, 0, 0))
    }

    unsafe fn fp_to_int(&mut self, v: V, t: T, signed: bool) -> V {
        let (_, to) = conversion(bits(t));
        let uns = if signed { "" } else { "uns" };
        self.lib(&format!("__fix{uns}{}{to}", letters(LLVMTypeOf(v))), t, v)
    }

    pub(super) unsafe fn float(&mut self, i: V, opc: LLVMOpcode) -> Becomes {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        let a = op(i, 0);
        let at = LLVMTypeOf(a);
        if [t, at].into_iter().any(|t| !is_float(t) && kind(t) != LLVMIntegerTypeKind) {
            return self.refuse("floating point", i);
        }
        Becomes::Value(match opc {
            LLVMFAdd => ir.call(&format!("__add{}3", letters(t)), t, &[a, op(i, 1)]),
            LLVMFSub => ir.call(&format!("__sub{}3", letters(t)), t, &[a, op(i, 1)]),
            LLVMFMul => ir.call(&format!("__mul{}3", letters(t)), t, &[a, op(i, 1)]),
            LLVMFDiv => ir.call(&format!("__div{}3", letters(t)), t, &[a, op(i, 1)]),
            LLVMFRem => ir.call(if letters(t) == "df" { "fmod" } else { "fmodf" }, t, &[a, op(i, 1)]),
            LLVMFNeg => {
                let (it, sign) = self.image(t);
                let v = LLVMBuildXor(ir.b, LLVMBuildBitCast(ir.b, a, it, NAME), ir.k(it, sign), NAME);
                LLVMBuildBitCast(ir.b, v, t, NAME)
            }
            LLVMFPExt => ir.call("__extendsfdf2", t, &[a]),
            LLVMFPTrunc => ir.call("__truncdfsf2", t, &[a]),
            LLVMFPToSI | LLVMFPToUI => {
                let (via, _) = conversion(bits(t));
                let v = self.fp_to_int(a, ir.int(via), opc == LLVMFPToSI);
                LLVMBuildTrunc(ir.b, v, t, NAME)
            }
            LLVMSIToFP | LLVMUIToFP => self.int_to_fp(a, t, opc == LLVMSIToFP),
            LLVMFCmp => self.float_compare(i),
            _ => return Becomes::Same,
        })
    }

    unsafe fn int_to_fp(&mut self, v: V, t: T, signed: bool) -> V {
        let ir = self.ir;
        let (via, from) = conversion(bits(LLVMTypeOf(v)));
        let (v, un) = if signed {
            (LLVMBuildSExt(ir.b, v, ir.int(via), NAME), "")
        } else {
            (LLVMBuildZExt(ir.b, v, ir.int(via), NAME), "un")
        };
        self.lib(&format!("__float{un}{from}{}", letters(t)), t, v)
    }

    /// The functions answer so that an unordered pair fails every ordered comparison; an unordered one is the
    /// negation of its opposite.
    unsafe fn float_compare(&mut self, i: V) -> V {
        let ir = self.ir;
        let (a, b) = (op(i, 0), op(i, 1));
        let mut compare = |function: &str, predicate| self.compare(function, predicate, a, b);
        match LLVMGetFCmpPredicate(i) {
            LLVMRealOEQ => compare("eq", LLVMIntEQ),
            LLVMRealOGT => compare("gt", LLVMIntSGT),
            LLVMRealOGE => compare("ge", LLVMIntSGE),
            LLVMRealOLT => compare("lt", LLVMIntSLT),
            LLVMRealOLE => compare("le", LLVMIntSLE),
            LLVMRealUNE => compare("ne", LLVMIntNE),
            LLVMRealUGT => compare("le", LLVMIntSGT),
            LLVMRealUGE => compare("lt", LLVMIntSGE),
            LLVMRealULT => compare("ge", LLVMIntSLT),
            LLVMRealULE => compare("gt", LLVMIntSLE),
            LLVMRealORD => compare("unord", LLVMIntEQ),
            LLVMRealUNO => compare("unord", LLVMIntNE),
            LLVMRealONE => {
                let (ordered, differ) = (compare("unord", LLVMIntEQ), compare("ne", LLVMIntNE));
                LLVMBuildAnd(ir.b, ordered, differ, NAME)
            }
            LLVMRealUEQ => {
                let (unordered, equal) = (compare("unord", LLVMIntNE), compare("eq", LLVMIntEQ));
                LLVMBuildOr(ir.b, unordered, equal, NAME)
            }
            LLVMRealPredicateTrue => LLVMConstInt(ir.i1, 1, 0),
            LLVMRealPredicateFalse => LLVMConstInt(ir.i1, 0, 0),
        }
    }
}
