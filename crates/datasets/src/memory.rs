//! Room for as many numbers as a file holds: a small packed file may hold more than there is memory for, and that is an
//! error and no end of the program.

use ndarray::{ArrayD, IxDyn};

use crate::Error;

/// Makes room for so many more, and for half as many again as there are if the list has to be moved.
pub(crate) fn grow<X>(list: &mut Vec<X>, more: usize) -> Result<(), Error> {
    if list.capacity() - list.len() >= more {
        return Ok(());
    }
    let more = more.max(list.len() / 2);
    let bytes = (list.len() as u64).saturating_add(more as u64).saturating_mul(size_of::<X>() as u64);
    list.try_reserve_exact(more).map_err(|_| Error::OutOfMemory { bytes })
}

/// A list of all that an iterator gives.
pub(crate) fn collected<X>(items: impl ExactSizeIterator<Item = X>) -> Result<Vec<X>, Error> {
    let mut list = Vec::new();
    grow(&mut list, items.len())?;
    list.extend(items);
    Ok(list)
}

/// The same numbers in another type.
pub(crate) fn converted<A: Copy, B>(array: &ArrayD<A>, convert: impl Fn(A) -> B) -> Result<ArrayD<B>, Error> {
    let numbers = collected(array.iter().map(|&x| convert(x)))?;
    Ok(ArrayD::from_shape_vec(IxDyn(array.shape()), numbers).expect("the same shape"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_can_hold_is_an_error_with_its_bytes() {
        let mut list = vec![1_u64; 4];
        assert!(
            matches!(grow(&mut list, usize::MAX / 8), Err(Error::OutOfMemory { bytes }) if bytes > 1 << 62)
        );
        assert_eq!(list, [1; 4]);
    }

    #[test]
    fn lists_grow_by_half_and_room_that_is_there_is_used() {
        let mut list = vec![0_u8; 1000];
        grow(&mut list, 1).unwrap();
        assert_eq!(list.capacity(), 1500);
        grow(&mut list, 500).unwrap();
        assert_eq!(list.capacity(), 1500);
    }

    #[test]
    fn arrays_keep_their_shape_and_order_in_any_layout() {
        let array = ndarray::array![[1_i8, 2, 3], [4, 5, 6]].into_dyn();
        assert_eq!(converted(&array, f32::from).unwrap(), array.mapv(f32::from));
        let turned = array.reversed_axes();
        assert_eq!(converted(&turned, f32::from).unwrap(), turned.mapv(f32::from));
    }
}
