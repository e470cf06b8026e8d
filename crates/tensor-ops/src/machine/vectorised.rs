//! Plain loops, compiled once for each instruction set.

use super::Isa;

/// A loop over slices that the compiler can turn into vector instructions.
pub(crate) trait Loop {
    /// Runs the loop; `FUSED` if the machine has a fused multiply-add. Implementations are `#[inline(always)]`, with all
    /// that they call, so that they are compiled with the features of their caller.
    fn run<const FUSED: bool>(self);
}

/// Runs a loop with the vector instructions of an instruction set.
pub(crate) fn run_on(isa: Isa, body: impl Loop) {
    match isa {
        Isa::Portable => body.run::<{ cfg!(any(target_arch = "aarch64", target_feature = "fma")) }>(),
        // 512-bit vectors gain nothing in short loops.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::Avx512 => {
            assert!(Isa::best() >= isa || Isa::available().contains(&isa), "instruction set {isa:?}");
            // SAFETY: the machine has the features, as the assertion makes sure.
            unsafe { avx2(body) }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(body: impl Loop) {
    body.run::<true>();
}

/// Runs `f`, compiled for the vector instructions of this machine.
///
/// For a loop over slices that is simple enough for the compiler to work on several elements at once: it is then
/// compiled a second time, for 256-bit vectors, and which of the two runs is decided by the machine at hand. The result
/// has the same bits: nothing is reordered and no product is fused with a sum.
///
/// What `f` calls gains only if it is inlined, so generic functions do and those of other crates mostly do not.
///
/// # Examples
///
/// ```
/// let (x, mut y) = (vec![1.0_f32; 1000], vec![2.0; 1000]);
/// tensor_ops::vectorised(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y += 0.5 * x));
/// assert_eq!(y[999], 2.5);
/// ```
#[inline]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    match Isa::best() {
        Isa::Portable => f(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the best instruction set of the machine is one that it has.
        Isa::Avx2 | Isa::Avx512 => unsafe { call_avx2(f) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn call_avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}
