//! The loop of all optimisers.

use tensor_ops::{Scalar, vectorised};

/// (w, s) ← formula(w, g, s), for each element w of a parameter, its gradient g and what is remembered of it.
///
/// The formula takes what it needs by value (`move`): a number behind a reference might be an element of one of the
/// slices, for all that the compiler knows, and then no two elements could be worked on at once.
///
/// # Panics
///
/// If there are not `S` slots, or the slices are not equally long.
#[inline(always)]
#[track_caller]
pub(super) fn each<T: Scalar, const S: usize>(
    kind: &str,
    param: &mut [T],
    grad: &[T],
    slots: &mut [&mut [T]],
    formula: impl Fn(T, T, [T; S]) -> (T, [T; S]),
) {
    assert_eq!(slots.len(), S, "{kind}: slots");
    let n = param.len();
    assert_eq!(grad.len(), n, "{kind}: elements of parameter and gradient");
    let mut slots = slots.iter_mut();
    let mut slots: [&mut [T]; S] = std::array::from_fn(|_| &mut **slots.next().expect("counted above"));
    for slot in &slots {
        assert_eq!(slot.len(), n, "{kind}: elements of parameter and slot");
    }
    vectorised(move || {
        for i in 0..n {
            let (w, s) = formula(param[i], grad[i], slots.each_ref().map(|slot| slot[i]));
            param[i] = w;
            for (slot, s) in slots.iter_mut().zip(s) {
                slot[i] = s;
            }
        }
    });
}
