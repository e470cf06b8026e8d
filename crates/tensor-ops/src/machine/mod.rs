//! What needs the machine itself: vector instructions and work lent to other threads.
//!
//! This is the one module of the workspace where `unsafe` is allowed. Each of its files has a safe interface that
//! checks what it needs, so that a mistake elsewhere can be a wrong number or a panic, never a broken memory:
//!
//! - [`lanes`]: vectors of numbers, one type for each instruction set;
//! - [`product`]: a matrix product, cut into tiles;
//! - [`tile`]: one of them, in registers; [`strip`]: one of a few columns;
//! - [`transpose`]: squares of numbers, transposed in registers;
//! - [`vectorised()`]: plain loops, compiled for each instruction set;
//! - [`block`]: short lines, copied or added without a check for each;
//! - [`lending`]: a function lent to other threads;
//! - [`prefetch()`]: numbers asked for before they are used.

#![allow(unsafe_code)]

mod block;
mod lanes;
mod lending;
mod prefetch;
mod product;
mod strip;
mod tile;
mod transpose;
mod vectorised;

use std::sync::OnceLock;

pub use block::Block;
pub(crate) use lending::Lending;
pub use prefetch::{prefetch, prefetch_amid_products};
pub(crate) use product::{Kernel, Left, Product, Right, Start, Tiling};
pub(crate) use transpose::Transpose;
pub(crate) use vectorised::{Loop, run_on};
pub use vectorised::{Vectorise, vectorised};

/// The instruction sets for which there are kernels, from poor to rich.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isa {
    /// What every processor of the target has.
    Portable,
    /// 256-bit vectors and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All that this machine has, from poor to rich.
    pub(crate) fn available() -> Vec<Isa> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut))]
        let mut all = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Isa::Avx2);
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                    all.push(Isa::Avx512);
                }
            }
        }
        all
    }

    /// The best that this machine has, or less if the environment says `TENSOR_OPS_ISA=portable` or `avx2`.
    pub(crate) fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let wish = std::env::var("TENSOR_OPS_ISA").unwrap_or_default();
            let all = Isa::available();
            let most = match wish.as_str() {
                "portable" => 1,
                "avx2" => 2,
                _ => all.len(),
            };
            all[most.min(all.len()) - 1]
        })
    }

    /// Panics unless this machine has it.
    #[inline]
    fn require(self) {
        // Nearly always the best one, which is known without asking the processor.
        assert!(self <= Isa::best() || Isa::available().contains(&self), "instruction set {self:?}");
    }
}
