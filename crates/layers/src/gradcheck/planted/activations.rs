//! Functions of one number with a wrong derivative, or a right one of something else.

use ndarray::{ArrayD, ArrayRefD, Axis, Zip};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::{Backprop, Cache, Elementwise, Error, Layer, Saved};

pub(super) fn plants() -> Vec<Plant> {
    let mask = |bug| MaskedRelu { bug };
    let gate = |bug| Gate { bug };
    vec![
        plant(
            "gelu: derivative of the tanh approximation",
            Gelu { approximate: true },
            Gelu { approximate: false },
            &[6],
        ),
        plant("relu: derivative 2 at the kink", Kinked { at_zero: 2.0 }, Kinked { at_zero: 0.0 }, &[6]),
        plant("tanh: 1 - x² for 1 - y²", Tanh { of_x: true }, Tanh { of_x: false }, &[6]),
        plant("softplus: overflows", Softplus { naive: true }, Softplus { naive: false }, &[6]),
        plant("cube: constant factor", Cube { factor: 2.0 }, Cube { factor: 3.0 }, &[6]),
        plant("relu: mask of the first call kept", mask(MaskBug::FirstCall), mask(MaskBug::None), &[6]),
        plant("relu: mask updated in training alone", mask(MaskBug::TrainingOnly), mask(MaskBug::None), &[6]),
        plant("relu: mask of the whole cache shifted", mask(MaskBug::Shifted), mask(MaskBug::None), &[6]),
        plant("product: second derivative lost", gate(GateBug::Detached), gate(GateBug::None), &[2, 3]),
        plant("product: factors swapped", gate(GateBug::Swapped), gate(GateBug::None), &[2, 3]),
        plant("product: panics on a batch of 7", gate(GateBug::Panics), gate(GateBug::None), &[2, 3]),
        plant(
            "product: refuses a shape that it accepted",
            gate(GateBug::RefusesWider),
            gate(GateBug::None),
            &[2, 3],
        ),
        plant("product: dy squared", gate(GateBug::Squared), gate(GateBug::None), &[2, 3]),
    ]
}

macro_rules! elementwise {
    ($name:ident { $option:ident: $type:ty }, |$x:ident, $y:ident, $o:ident| $f:expr, $df:expr) => {
        #[derive(Clone, Copy, Debug)]
        struct $name {
            $option: $type,
        }

        impl Elementwise for $name {
            fn kind(&self) -> &'static str {
                stringify!($name)
            }
            fn f<T: Scalar>(&self, $x: T) -> T {
                let $o = self.$option;
                let _ = $o;
                $f
            }
            fn df<T: Scalar>(&self, $x: T, $y: T) -> T {
                let $o = self.$option;
                let _ = ($o, $y);
                $df
            }
        }
    };
}

fn num<T: Scalar>(x: f64) -> T {
    T::from_f64(x)
}

elementwise!(
    Kinked { at_zero: f64 },
    |x, y, at_zero| if x <= T::zero() { T::zero() } else { x },
    if x == T::zero() {
        num(at_zero)
    } else if x < T::zero() {
        T::zero()
    } else {
        T::one()
    }
);

elementwise!(Tanh { of_x: bool }, |x, y, of_x| x.tanh(), T::one() - if of_x { x * x } else { y * y });

elementwise!(
    Softplus { naive: bool },
    |x, y, naive| if naive {
        (T::one() + x.exp()).ln()
    } else if x.value() > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    },
    T::one() / (T::one() + (-x).exp())
);

elementwise!(Cube { factor: f64 }, |x, y, factor| x * x * x, num::<T>(factor) * x * x);

elementwise!(
    Gelu { approximate: bool },
    |x, y, approximate| num::<T>(0.5) * x * (T::one() + (x * num(std::f64::consts::FRAC_1_SQRT_2)).erf()),
    if approximate {
        let c = num::<T>((2.0 / std::f64::consts::PI).sqrt());
        let inner = c * (x + num::<T>(0.044_715) * x * x * x);
        let tanh = inner.tanh();
        let slope = c * (T::one() + num::<T>(3.0 * 0.044_715) * x * x);
        num::<T>(0.5) * (T::one() + tanh) + num::<T>(0.5) * x * (T::one() - tanh * tanh) * slope
    } else {
        let density = (-(x * x) * num(0.5)).exp() * num((0.5 / std::f64::consts::PI).sqrt());
        num::<T>(0.5) * (T::one() + (x * num(std::f64::consts::FRAC_1_SQRT_2)).erf()) + x * density
    }
);

#[derive(Clone, Copy, Debug, PartialEq)]
enum MaskBug {
    None,
    FirstCall,
    TrainingOnly,
    Shifted,
}

/// A rectifier that keeps a mask in its cache, after which comes whether one was kept.
#[derive(Clone, Copy, Debug)]
struct MaskedRelu {
    bug: MaskBug,
}

impl Layer for MaskedRelu {
    fn kind(&self) -> &'static str {
        "planted relu"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }
}

impl<T: Scalar> Backprop<T> for MaskedRelu {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        Cache { arrays: vec![ArrayD::zeros(input), ArrayD::zeros(vec![])], ..Cache::new() }
    }

    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let n = x.shape()[0];
        let seen = cache.arrays[1].first_mut().expect("one element");
        let keep = match self.bug {
            MaskBug::FirstCall => seen.is_zero(),
            MaskBug::TrainingOnly => seen.is_zero() || cache.mode == crate::Mode::Train,
            _ => true,
        };
        *seen = T::one();
        let mut mask = cache.arrays[0].slice_axis_mut(Axis(0), (..n).into());
        Zip::from(y).and(x).and(&mut mask).for_each(|y, &x, mask| {
            let on = if x <= T::zero() { T::zero() } else { T::one() };
            *y = x * on;
            if keep {
                *mask = on;
            }
        });
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        let n = dy.shape()[0];
        let mask = &saved.cache.arrays[0];
        let first = if self.bug == MaskBug::Shifted { mask.shape()[0] - n } else { 0 };
        let mask = mask.slice_axis(Axis(0), (first..first + n).into());
        Zip::from(dx).and(dy).and(mask).for_each(|dx, &dy, &mask| *dx = dy * mask);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum GateBug {
    None,
    Detached,
    Swapped,
    Panics,
    Squared,
    RefusesWider,
}

/// [2, d] to [d]: the product of both rows.
#[derive(Clone, Copy, Debug)]
struct Gate {
    bug: GateBug,
}

impl Layer for Gate {
    fn kind(&self) -> &'static str {
        "planted product"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [2, d] => Ok(vec![*d]),
            _ => Err(Error::input(self.kind(), "[2, d]", input)),
        }
    }
}

impl<T: Scalar> Backprop<T> for Gate {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        assert_eq!(x.shape()[1], 2, "planted product: two factors");
        assert!(self.bug != GateBug::Panics || x.shape()[0] != 7, "planted product: index out of bounds");
        Zip::from(y)
            .and(x.index_axis(Axis(1), 0))
            .and(x.index_axis(Axis(1), 1))
            .for_each(|y, &a, &b| *y = a * b);
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        assert_eq!(saved.x.shape()[1], 2, "planted product: two factors");
        assert!(self.bug != GateBug::RefusesWider || dy.shape()[1] < 4, "planted product: at most 3");
        for side in 0..2 {
            let other = if self.bug == GateBug::Swapped { side } else { 1 - side };
            let factor = saved.x.index_axis(Axis(1), other);
            Zip::from(dx.index_axis_mut(Axis(1), side)).and(dy).and(factor).for_each(|dx, &dy, &factor| {
                let dy = if self.bug == GateBug::Squared { dy * dy.abs() } else { dy };
                // Right in f64; on duals the derivative of the factor is gone.
                let detach = self.bug == GateBug::Detached && side == 1;
                *dx = dy * if detach { T::from_f64(factor.value()) } else { factor };
            });
        }
    }
}
