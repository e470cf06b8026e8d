//! Which examples a step takes, and which the next one does.

use datasets::batches;

use crate::{Options, Order};

/// The order of the examples. A batch later is known too, because its examples are fetched while a step computes.
#[derive(Debug, Default)]
pub(super) struct Examples {
    /// Those of the epoch in turn, or those of the step.
    order: Vec<usize>,
    /// The epoch that `order` belongs to.
    epoch: Option<u64>,
    /// If examples are drawn, those of the next step,
    drawn: Vec<usize>,
    /// and which step that is, out of how many they were drawn.
    drawn_for: Option<(u64, usize)>,
}

impl Examples {
    /// The examples of step `step`, counted from 0, and those of the first pass of the next one, out of `n`. After the last
    /// batch of an epoch none are known.
    pub(super) fn of_step(&mut self, options: &Options, step: u64, n: usize) -> (&[usize], &[usize]) {
        let (size, seed) = (options.batch_size, options.seed);
        let (batch, after) = match options.order {
            Order::Drawn => {
                if self.drawn_for == Some((step, n)) {
                    std::mem::swap(&mut self.order, &mut self.drawn);
                } else {
                    batches::draw(n, size, seed, step, &mut self.order);
                }
                batches::draw(n, size, seed, step + 1, &mut self.drawn);
                self.drawn_for = Some((step + 1, n));
                (&self.order[..], &self.drawn[..])
            }
            Order::Shuffled => {
                let per_epoch = options.steps_per_epoch(n);
                let (epoch, at) = (step / per_epoch, (step % per_epoch) as usize);
                if self.epoch != Some(epoch) || self.order.len() != n {
                    batches::shuffled_epoch_into(n, seed, epoch, &mut self.order);
                    self.epoch = Some(epoch);
                }
                let rest = &self.order[at * size..];
                rest.split_at(size.min(rest.len()))
            }
        };
        (batch, &after[..after.len().min(options.pass_size())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Length;

    fn batches_of(order: Order, steps: impl Iterator<Item = u64>, n: usize) -> Vec<[Vec<usize>; 2]> {
        let options =
            Options { order, batch_size: 4, seed: 3, length: Length::Steps(9), ..Options::default() };
        let mut examples = Examples::default();
        let both = |(batch, after): (&[usize], &[usize])| [batch.to_vec(), after.to_vec()];
        steps.map(|step| both(examples.of_step(&options, step, n))).collect()
    }

    #[test]
    fn what_is_said_to_follow_does() {
        for order in [Order::Drawn, Order::Shuffled] {
            let steps = batches_of(order, 0..9, 10);
            for (i, pair) in steps.windows(2).enumerate() {
                let ends_epoch = order == Order::Shuffled && i % 3 == 2;
                assert_eq!(pair[0][1], if ends_epoch { vec![] } else { pair[1][0].clone() }, "{order:?} {i}");
            }
        }
    }

    #[test]
    fn a_step_has_its_examples_whatever_came_before() {
        for order in [Order::Drawn, Order::Shuffled] {
            let in_turn = batches_of(order, 0..9, 10);
            for steps in [[5, 2, 3, 8], [0, 0, 7, 8], [8, 7, 6, 5]] {
                let found = batches_of(order, steps.into_iter(), 10);
                let expected = steps.map(|step| in_turn[step as usize].clone());
                assert_eq!(found, expected, "{order:?} {steps:?}");
            }
        }
    }

    #[test]
    fn data_of_another_length_get_an_order_of_their_own() {
        for order in [Order::Drawn, Order::Shuffled] {
            let options = Options { order, batch_size: 4, ..Options::default() };
            let mut examples = Examples::default();
            examples.of_step(&options, 0, 1000);
            let (batch, after) = examples.of_step(&options, 1, 5);
            assert!(batch.iter().chain(after).all(|&i| i < 5), "{order:?}: {batch:?} {after:?}");
        }
    }
}
