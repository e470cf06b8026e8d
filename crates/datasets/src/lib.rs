//! Data sets for small networks: strict loaders, scaling, splits and seeded mini-batches over `ndarray`.

pub mod batches;
pub mod csv;
mod dataset;
pub mod download;
mod error;
mod gather;
pub mod idx;
mod scaling;
mod sets;
mod source;
pub mod split;

pub use dataset::{Dataset, Features, MAX_UNNAMED_CLASSES, Targets};
pub use error::{Attempt, Error};
pub use gather::Gather;
pub use scaling::Scaling;
pub use sets::{File, Set, load};
