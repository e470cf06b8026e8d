//! The memory of a pass, owned by whoever runs it.

use ndarray::ArrayD;
use tensor_ops::random::derive;

/// Whether a pass is part of training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Dropout drops, batch normalisation takes the statistics of the batch.
    #[default]
    Train,
    /// Every layer is a fixed function of its input and parameters.
    Infer,
}

/// What a layer keeps from forward to backward, its scratch space, and the circumstances of the pass.
///
/// A cache belongs to one layer of one network and to one thread at a time. It is made once, by
/// [`Backprop::new_cache`](crate::Backprop::new_cache), and used for any number of passes.
#[derive(Clone, Debug, Default)]
pub struct Cache<T> {
    /// The mode of the pass. Set it with [`Cache::begin`].
    pub mode: Mode,
    /// The seed of everything random in the pass. Set it with [`Cache::begin`].
    pub seed: u64,
    /// Numbers, in an order that the layer defines.
    pub arrays: Vec<ArrayD<T>>,
    /// Positions and masks, in an order that the layer defines.
    pub indices: Vec<ArrayD<u32>>,
    /// The caches of inner layers.
    pub children: Vec<Cache<T>>,
}

impl<T> Cache<T> {
    /// A cache that holds nothing.
    pub fn new() -> Self {
        Cache { mode: Mode::Train, seed: 0, arrays: Vec::new(), indices: Vec::new(), children: Vec::new() }
    }

    /// The numbers and positions that it has room for, inner caches included.
    pub fn elements(&self) -> usize {
        let own = self.arrays.iter().map(ArrayD::len).chain(self.indices.iter().map(ArrayD::len));
        own.chain(self.children.iter().map(Cache::elements)).sum()
    }

    /// Sets the mode and the seed of the passes to come, here and in all inner layers.
    ///
    /// Each inner layer gets a seed of its own. The same seed gives the same pass: a trainer passes another one each
    /// step, a checker the same one again.
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Cache, Mode};
    ///
    /// let mut cache = Cache::<f32>::new();
    /// cache.children = vec![Cache::new(), Cache::new()];
    /// cache.begin(Mode::Train, 7);
    /// assert_ne!(cache.children[0].seed, cache.children[1].seed);
    /// ```
    pub fn begin(&mut self, mode: Mode, seed: u64) {
        self.mode = mode;
        self.seed = seed;
        for (i, child) in self.children.iter_mut().enumerate() {
            child.begin(mode, derive(seed, i as u64));
        }
    }
}
