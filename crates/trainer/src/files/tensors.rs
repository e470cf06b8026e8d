//! Named tensors in a file: the safetensors format, read with distrust, with a checksum.
//!
//! ```text
//! 8 bytes    the length of the header, little-endian
//! header     {"__metadata__":{"sha256":"…",…},"0.weight":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},…}
//! data       each tensor's numbers, little-endian, in the order of their offsets, without gaps
//! ```
//!
//! The checksum is that of the whole file with its own 64 digits read as zeros, so the file stays one that every
//! reader of the format understands. A header is written in a fixed order: the same tensors give the same bytes.
//!
//! Not the `safetensors` crate, because it keeps metadata in a hash map (another order, so other bytes, each time) and
//! lets the last of two equal keys win; beyond `serde_json`, which we need anyway, it would bring six crates. The tests
//! read our files with it, and its files with ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use ndarray::ArrayD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use tensor_ops::Scalar;

use crate::FileFault;

/// The longest header that the reference implementation accepts.
const MAX_HEADER: u64 = 100_000_000;

/// The key of the checksum among the metadata.
const CHECKSUM: &str = "sha256";
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A scalar that files hold: `f32` and `f64`.
pub trait Stored: Scalar + sealed::Sealed {
    /// Its name in a file.
    #[doc(hidden)]
    const DTYPE: &'static str;

    #[doc(hidden)]
    fn write(self, bytes: &mut Vec<u8>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Stored for f32 {
    const DTYPE: &'static str = "F32";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Stored for f64 {
    const DTYPE: &'static str = "F64";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

/// Puts a file together.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    metadata: BTreeMap<&'static str, String>,
    /// The entries of the header, as JSON.
    entries: Vec<String>,
    names: BTreeSet<String>,
    data: Vec<u8>,
}

impl Encoder {
    pub(crate) fn metadata(&mut self, key: &'static str, value: impl Into<String>) {
        self.metadata.insert(key, value.into());
    }

    /// # Errors
    ///
    /// [`FileFault::NotFinite`]: such numbers are never written. [`FileFault::Header`] if there is one of this name.
    pub(crate) fn tensor<T: Stored>(&mut self, name: &str, array: &ArrayD<T>) -> Result<(), FileFault> {
        if !self.names.insert(name.to_owned()) || name == "__metadata__" {
            return Err(FileFault::Header(format!("two tensors are named {name}")));
        }
        let start = self.data.len();
        for (index, &x) in array.iter().enumerate() {
            if !x.is_finite() {
                return Err(FileFault::NotFinite { name: name.into(), index, value: x.value() });
            }
            x.write(&mut self.data);
        }
        let info = serde_json::json!({
            "dtype": T::DTYPE, "shape": array.shape(), "data_offsets": [start, self.data.len()],
        });
        self.entries.push(format!("{}:{info}", serde_json::Value::from(name)));
        Ok(())
    }

    /// The whole file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.metadata.insert(CHECKSUM, NO_CHECKSUM.into());
        let metadata = serde_json::json!(self.metadata);
        let mut header = format!("{{\"__metadata__\":{metadata}");
        for entry in &self.entries {
            header.push(',');
            header.push_str(entry);
        }
        header.push('}');
        // The data begin at a multiple of 8, so that readers may map them.
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));

        let mut bytes = Vec::with_capacity(8 + header.len() + self.data.len());
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(self.data);
        let at = find_checksum(&bytes[8..8 + header.len()], NO_CHECKSUM).expect("inserted above");
        let digest = hex(&Sha256::digest(&bytes));
        bytes[8 + at.start..8 + at.end].copy_from_slice(digest.as_bytes());
        bytes
    }
}

/// A file whose header is sound: every tensor is where it says, and they fill the file exactly.
#[derive(Debug)]
pub(crate) struct Tensors<'a> {
    metadata: BTreeMap<String, String>,
    infos: BTreeMap<String, Info>,
    data: &'a [u8],
}

impl<'a> Tensors<'a> {
    /// Reads the header and checks the checksum if there is one.
    ///
    /// Memory stays within a small multiple of the header's length, which is at most that of the file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, FileFault> {
        let length = |what, expected| FileFault::Length { what, expected, got: bytes.len() as u64 };
        let (n, rest) = bytes.split_first_chunk().ok_or(length("file", 8))?;
        let n = u64::from_le_bytes(*n);
        if n > MAX_HEADER {
            return Err(FileFault::Header(format!("expected a length of {MAX_HEADER} at most, got {n}")));
        }
        let (header, data) = rest.split_at_checked(n as usize).ok_or(length("file", 8 + n))?;
        if header.first() != Some(&b'{') {
            return Err(FileFault::Header("expected it to begin with {".into()));
        }
        let Header { metadata, infos } =
            serde_json::from_slice(header).map_err(|e| FileFault::Header(e.to_string()))?;
        check_places(&infos, data.len() as u64)?;
        if let Some(expected) = metadata.get(CHECKSUM) {
            check_digest(bytes, header, expected)?;
        }
        Ok(Tensors { metadata, infos, data })
    }

    pub(crate) fn metadata(&self, key: &'static str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// That this is a file of the given format that this version can read, with its checksum.
    pub(crate) fn expect_format(&self, expected: &'static str, version: u32) -> Result<(), FileFault> {
        match self.metadata("format") {
            Some(format) if format == expected => {}
            Some(other) => return Err(FileFault::Format { expected, got: other.chars().take(40).collect() }),
            None => return Err(FileFault::Format { expected, got: "a file without a format".into() }),
        }
        let got = self.metadata("version").unwrap_or_default();
        if got.parse().is_ok_and(|got: u32| (1..=version).contains(&got)) {
            if self.metadata(CHECKSUM).is_some() {
                return Ok(());
            }
            return Err(FileFault::metadata(CHECKSUM, "missing"));
        }
        Err(FileFault::Version { expected: version, got: got.chars().take(40).collect() })
    }

    /// A piece of metadata in JSON.
    pub(crate) fn json<X: serde::de::DeserializeOwned>(&self, key: &'static str) -> Result<X, FileFault> {
        let text = self.metadata(key).ok_or_else(|| FileFault::metadata(key, "missing"))?;
        serde_json::from_str(text).map_err(|e| FileFault::metadata(key, e))
    }

    #[cfg(feature = "model-file")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.infos.keys().map(String::as_str)
    }

    /// Name, type and shape of each tensor.
    #[cfg(feature = "checkpoint")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &[usize])> {
        self.infos.iter().map(|(name, info)| (name.as_str(), info.dtype.as_str(), &*info.shape))
    }

    /// The tensor of this name, of the wanted shape, all finite; single and double precision are converted.
    pub(crate) fn read<T: Stored>(&self, name: &str, shape: &[usize]) -> Result<ArrayD<T>, FileFault> {
        let wanted = || format!("shape {shape:?}");
        let info = self.infos.get(name).ok_or_else(|| FileFault::tensor(name, wanted(), "nothing"))?;
        if info.shape != shape {
            return Err(FileFault::tensor(name, wanted(), format!("shape {:?}", info.shape)));
        }
        let bytes = &self.data[info.place()];
        let numbers: Vec<T> = match info.dtype.as_str() {
            "F32" => bytes.as_chunks().0.iter().map(|&b| T::from_f64(f32::from_le_bytes(b).into())).collect(),
            "F64" => bytes.as_chunks().0.iter().map(|&b| T::from_f64(f64::from_le_bytes(b))).collect(),
            other => return Err(FileFault::tensor(name, "type F32 or F64", format!("type {other}"))),
        };
        if let Some(index) = numbers.iter().position(|x| !x.is_finite()) {
            return Err(FileFault::NotFinite { name: name.into(), index, value: numbers[index].value() });
        }
        ArrayD::from_shape_vec(shape, numbers)
            .map_err(|_| FileFault::tensor(name, "a possible shape", format!("shape {shape:?}")))
    }
}

/// One tensor in the header.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

impl Info {
    fn place(&self) -> Range<usize> {
        self.data_offsets[0] as usize..self.data_offsets[1] as usize
    }

    /// The bytes that type and shape ask for.
    fn size(&self) -> Option<u64> {
        let element = match self.dtype.as_str() {
            "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" => 1,
            "U16" | "I16" | "F16" | "BF16" => 2,
            "U32" | "I32" | "F32" => 4,
            "U64" | "I64" | "F64" | "C64" => 8,
            _ => return None,
        };
        // An array has no more places than memory even where an axis of length 0 leaves it none.
        let most =
            self.shape.iter().try_fold(element, |size: u64, &axis| size.checked_mul(axis.max(1) as u64))?;
        isize::try_from(most).ok()?;
        Some(if self.shape.contains(&0) { 0 } else { most })
    }
}

/// That the tensors lie one after the other from the first byte of the data to the last.
fn check_places(infos: &BTreeMap<String, Info>, n: u64) -> Result<(), FileFault> {
    let mut in_order: Vec<_> = infos.iter().collect();
    in_order.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in in_order {
        let Info { dtype, shape, data_offsets: [from, to] } = info;
        let size = info.size().ok_or_else(|| {
            FileFault::tensor(name, "a known type and a possible size", format!("{dtype} {shape:?}"))
        })?;
        if *from != end || to.checked_sub(*from) != Some(size) {
            let expected = format!("{size} bytes from {end} on for {dtype} {shape:?}");
            return Err(FileFault::tensor(name, expected, format!("bytes {from} to {to}")));
        }
        end = *to;
    }
    if end != n {
        return Err(FileFault::Length { what: "data", expected: end, got: n });
    }
    Ok(())
}

fn check_digest(bytes: &[u8], header: &[u8], expected: &str) -> Result<(), FileFault> {
    let at =
        find_checksum(header, expected).ok_or_else(|| FileFault::metadata(CHECKSUM, "expected 64 digits"))?;
    let mut digest = Sha256::new();
    digest.update(&bytes[..8 + at.start]);
    digest.update(NO_CHECKSUM);
    digest.update(&bytes[8 + at.end..]);
    let got = hex(&digest.finalize());
    if got != expected {
        return Err(FileFault::Checksum { expected: expected.into(), got });
    }
    Ok(())
}

/// Where in the header the digits of the checksum are. No quoted text can hold them: its quotes would be escaped.
fn find_checksum(header: &[u8], digits: &str) -> Option<Range<usize>> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digits.len() != NO_CHECKSUM.len() || !digits.bytes().all(is_digit) {
        return None;
    }
    let key = format!("\"{CHECKSUM}\":\"");
    let whole = [key.as_bytes(), digits.as_bytes()].concat();
    let start = header.windows(whole.len()).position(|window| window == whole)? + key.len();
    Some(start..start + digits.len())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

struct Header {
    metadata: BTreeMap<String, String>,
    infos: BTreeMap<String, Info>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut metadata = None;
        let mut infos = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let twice = if name == "__metadata__" {
                metadata.replace(map.next_value::<Texts>()?.0).is_some()
            } else {
                infos.insert(name, map.next_value::<Info>()?).is_some()
            };
            if twice {
                return Err(A::Error::custom("expected each name once"));
            }
        }
        Ok(Header { metadata: metadata.unwrap_or_default(), infos })
    }
}

/// Text by name, each name once.
struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some((key, text)) = map.next_entry::<String, String>()? {
            if texts.insert(key, text).is_some() {
                return Err(A::Error::custom("expected each name once"));
            }
        }
        Ok(Texts(texts))
    }
}
