//! Where in a recipe an error is.
//!
//! A layer, a loss and their like say by a field what the other fields are. For that serde reads all of the fields first and
//! forgets where they were, so that an error in one is said to be in the list or table around it. Here each is read again
//! by itself, the innermost first, until one is wrong.

use std::ops::Range;

use layers::{Init, Spec};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::{OptimizerSpec, Schedule};

/// The place of the error in a text that is no recipe, as narrow as it can be told.
pub(super) fn place(text: &str, error: &toml::de::Error) -> Option<Range<usize>> {
    let narrow = || wrong(DeTable::parse(text).ok()?.get_ref(), error.message());
    narrow().or_else(|| error.span())
}

/// The part in which reading fails with this message.
fn wrong(recipe: &DeTable<'_>, message: &str) -> Option<Range<usize>> {
    let at = |table: &str, key: &str| recipe.get(table)?.get_ref().as_table()?.get(key);
    let in_layers = at("model", "layers").and_then(|layers| wrong_layer(layers, message));
    in_layers
        .or_else(|| part::<Init>(at("model", "init")?, message))
        .or_else(|| part::<losses::Spec>(recipe.get("loss")?, message))
        .or_else(|| part::<OptimizerSpec>(recipe.get("optimizer")?, message))
        .or_else(|| part::<Schedule>(at("training", "schedule")?, message))
}

/// The first wrong layer of a list; of layers in layers the innermost.
fn wrong_layer(layers: &Spanned<DeValue<'_>>, message: &str) -> Option<Range<usize>> {
    layers.get_ref().as_array()?.iter().find_map(|layer| {
        let inner = |key: &str| layer.get_ref().as_table()?.get(key);
        let within = ["layers", "branches"].into_iter().filter_map(inner);
        within
            .into_iter()
            .find_map(|layers| wrong_layer(layers, message))
            .or_else(|| part::<Spec>(layer, message))
    })
}

/// The place of a part that is wrong: of the key that the message names, if it has it, else of the whole.
fn part<'de, P: Deserialize<'de>>(value: &Spanned<DeValue<'de>>, message: &str) -> Option<Range<usize>> {
    let error = P::deserialize(ValueDeserializer::from(value.clone())).err()?;
    if error.message() != message {
        return None;
    }
    let named = message.split('`').nth(1).unwrap_or_default();
    let key = value.get_ref().as_table().and_then(|table| table.get_key_value(named));
    Some(key.map_or_else(|| value.span(), |(key, _)| key.span()))
}
