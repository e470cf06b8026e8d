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
            isa.require();
            // SAFETY: the machine has the features.
            unsafe { avx2(body) }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(body: impl Loop) {
    body.run::<true>();
}

/// A computation that [`vectorised`] compiles for the vector instructions of the machine.
///
/// Closures are that. The compiler may leave a long closure uncompiled for the better instructions, though, because it
/// would have to be copied; a type whose `run` is `#[inline(always)]`, with the loops that it calls, makes sure.
pub trait Vectorise {
    /// What comes out.
    type Output;
    /// Computes it. To be `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

impl<R, F: FnOnce() -> R> Vectorise for F {
    type Output = R;
    #[inline(always)]
    fn run(self) -> R {
        self()
    }
}

/// Runs a computation, compiled for the vector instructions of this machine.
///
/// For a loop over slices that is simple enough for the compiler to work on several elements at once: it is then
/// compiled a second time, for 256-bit vectors, and which of the two runs is decided by the machine at hand. The result
/// has the same bits: nothing is reordered and no product is fused with a sum.
///
/// What `body` calls gains only if it is inlined, so generic functions do and those of other crates mostly do not.
///
/// # Examples
///
/// ```
/// let (x, mut y) = (vec![1.0_f32; 1000], vec![2.0; 1000]);
/// tensor_ops::vectorised(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y += 0.5 * x));
/// assert_eq!(y[999], 2.5);
/// ```
#[inline]
pub fn vectorised<V: Vectorise>(body: V) -> V::Output {
    match Isa::best() {
        Isa::Portable => body.run(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the best instruction set of the machine is one that it has.
        Isa::Avx2 | Isa::Avx512 => unsafe { run_avx2(body) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<V: Vectorise>(body: V) -> V::Output {
    body.run()
}
