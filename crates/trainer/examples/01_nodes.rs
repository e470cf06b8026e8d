//! Nodes and the chain rule: `cargo run --release -p trainer --example 01_nodes`
//!
//! Everything a network learns comes from one question: if this number were a little larger, how would the result
//! change? Here the question is asked of a bill, which is a network of three products and a sum.
//!
//! ```text
//! apples ─┐
//!         ×── for apples ──┐
//! price ──┘                +── net ──┐
//!         ×── for oranges ─┘         ×── total
//!                              tax ──┘
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use layers::{Add, Multiply};
use ndarray::{Array0, arr0};

pub(crate) fn main() {
    apples();
    apples_and_oranges();
}

/// Two apples at 100 each, with a tax of 1.1.
fn apples() {
    let (apples, price, tax) = (arr0(2.0), arr0(100.0), arr0(1.1));

    // Forward: each node computes its value and saves what it will need on the way back, here its two factors.
    let (net, saved_net) = Multiply.forward(&apples, &price);
    let (total, saved_total) = Multiply.forward(&net, &tax);
    println!("2 apples at 100 with tax: {total:.1}");
    assert!(near(&total, 220.0));

    // Backward: begin with 1, because the total changes as fast as itself. Each node multiplies what comes from behind
    // by its own derivative. For a product, the derivative by one factor is the other factor.
    let (dnet, dtax) = Multiply.backward(&saved_total, &arr0(1.0));
    let (dapples, dprice) = Multiply.backward(&saved_net, &dnet);

    // One more apple costs 110 more; a price higher by 1 costs 2.2 more; tax 2.1 for 1.1 would cost 200 more.
    println!("d total / d apples = {dapples:.1}, / d price = {dprice:.1}, / d tax = {dtax:.1}");
    assert!(near(&dapples, 110.0) && near(&dprice, 2.2) && near(&dtax, 200.0));
}

/// Two apples at 100 and three oranges at 150, with a tax of 1.1.
fn apples_and_oranges() {
    let (for_apples, saved_apples) = Multiply.forward(&arr0(2.0), &arr0(100.0));
    let (for_oranges, saved_oranges) = Multiply.forward(&arr0(3.0), &arr0(150.0));
    let net = Add.forward(&for_apples, &for_oranges);
    let (total, saved_total) = Multiply.forward(&net, &arr0(1.1));
    println!("with 3 oranges at 150: {total:.1}");
    assert!(near(&total, 715.0));

    // A sum passes on what comes from behind, unchanged, to both of its inputs, and needs to save nothing.
    let (dnet, dtax) = Multiply.backward(&saved_total, &arr0(1.0));
    let (dfor_apples, dfor_oranges) = Add.backward(&dnet);
    let (dapples, dapple_price) = Multiply.backward(&saved_apples, &dfor_apples);
    let (doranges, dorange_price) = Multiply.backward(&saved_oranges, &dfor_oranges);
    println!("one more apple: {dapples:.1}, one more orange: {doranges:.1}");
    assert!(near(&dapples, 110.0) && near(&dapple_price, 2.2));
    assert!(near(&doranges, 165.0) && near(&dorange_price, 3.3) && near(&dtax, 650.0));

    // That is all of backpropagation. No node knew the whole bill: each knew its own rule, and the chain rule did the
    // rest. A layer of a network (example 02) is a node whose inputs are whole arrays.
}

/// Equal but for the rounding of a few products.
fn near(found: &Array0<f64>, expected: f64) -> bool {
    (found.first().unwrap() - expected).abs() < 1e-12 * expected.abs()
}
