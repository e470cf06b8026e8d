//! Plain loops, compiled once for each instruction set.

use super::Isa;

/// A loop over slices that the compiler can turn into vector instructions.
pub(crate) trait Loop {
    /// Runs the loop; `FUSED` if the machine has a fused multiply-add. Implementations are `#[inline(always)]`, with all
    /// that they call, so that they are compiled with the features of their caller.
    fn run<const FUSED: bool>(self);
}

/// Runs a loop with the vector instructions of this machine.
pub(crate) fn vectorised(isa: Isa, body: impl Loop) {
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
