//! The header of a `.npy` file: a Python dictionary of three entries.

use crate::FileFault;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header read: numpy's own limit is 10,000.
const MAX_HEADER: usize = 1 << 16;

/// So many bytes hold everything before the data.
#[cfg(feature = "npz")]
pub(super) const MAX_START: usize = 12 + MAX_HEADER;

#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// `<f8`
    pub(super) descr: String,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// The header, and the data after it.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FileFault> {
        let short = |expected| FileFault::Length { what: "file", expected, got: bytes.len() as u64 };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| fault("expected it to begin with \\x93NUMPY"))?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(short(8))?;
        let (length, rest) = match version {
            [1, 0] => rest.split_first_chunk().map(|(n, rest)| (u16::from_le_bytes(*n).into(), rest)),
            [2 | 3, 0] => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest)),
            [major, minor] => return Err(fault(format!("expected version 1.0 to 3.0, got {major}.{minor}"))),
        }
        .ok_or(short(12))?;
        if length > MAX_HEADER {
            return Err(fault(format!("expected at most {MAX_HEADER} bytes, got {length}")));
        }
        let (text, data) =
            rest.split_at_checked(length).ok_or(short((bytes.len() - rest.len() + length) as u64))?;
        let text = std::str::from_utf8(text).map_err(|e| fault(format!("expected text, got {e}")))?;
        Ok((Dictionary(text).header()?, data))
    }

    /// The bytes of the data, for numbers of so many bytes.
    pub(super) fn data_bytes(&self, number: usize) -> Result<usize, FileFault> {
        let size = self.shape.iter().try_fold(number, |size, &axis| size.checked_mul(axis));
        size.filter(|&size| size <= isize::MAX as usize).ok_or_else(|| self.impossible())
    }

    pub(super) fn impossible(&self) -> FileFault {
        fault(format!("expected a possible shape, got {:?}", self.shape))
    }

    /// Whether the numbers are big-endian; an error if they are others than of this kind.
    pub(super) fn check_type(&self, kind: &str) -> Result<bool, FileFault> {
        let order = self.descr.strip_suffix(kind);
        match order {
            Some("<") => Ok(false),
            Some(">") => Ok(true),
            Some("|") if kind.ends_with('1') => Ok(false),
            _ => Err(fault(format!("expected numbers of type {kind}, got {}", self.descr))),
        }
    }
}

/// Everything before the data, padded so that these begin at a multiple of 64.
pub(super) fn bytes(kind: &str, shape: &[usize]) -> Vec<u8> {
    let order = if kind.ends_with('1') { '|' } else { '<' };
    let axes: String = shape.iter().map(|axis| format!("{axis},")).collect();
    let axes = if shape.len() > 1 { axes.trim_end_matches(',') } else { &axes };
    let mut text = format!("{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': ({axes}), }}");
    // A shape of thousands of axes would need version 2.0; ndarray's users have a few.
    let long = text.len() + 11 > usize::from(u16::MAX);
    let prefix = if long { 12 } else { 10 };
    let padding = (prefix + text.len() + 1).next_multiple_of(64) - (prefix + text.len() + 1);
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    if long {
        bytes.extend([2, 0]);
        bytes.extend((text.len() as u32).to_le_bytes());
    } else {
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
    }
    bytes.extend(text.as_bytes());
    bytes
}

fn fault(message: impl Into<String>) -> FileFault {
    FileFault::Header(message.into())
}

/// What is left to read of a dictionary.
struct Dictionary<'a>(&'a str);

impl<'a> Dictionary<'a> {
    fn header(mut self) -> Result<Header, FileFault> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.accept("}") {
            let key = self.text()?;
            self.expect(":")?;
            let twice = match key {
                "descr" => descr.replace(self.text()?.to_owned()).is_some(),
                "fortran_order" => fortran.replace(self.truth()?).is_some(),
                "shape" => shape.replace(self.tuple()?).is_some(),
                other => {
                    return Err(fault(format!(
                        "expected descr, fortran_order or shape, got {}",
                        start(other)
                    )));
                }
            };
            if twice {
                return Err(fault(format!("expected {key} once")));
            }
            if !self.accept(",") {
                self.expect("}")?;
                break;
            }
        }
        if !self.0.trim().is_empty() {
            return Err(self.fault("the end of the header"));
        }
        let missing = |key| fault(format!("expected an entry {key}"));
        Ok(Header {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    fn accept(&mut self, token: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        rest.map(|rest| self.0 = rest).is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), FileFault> {
        if self.accept(token) { Ok(()) } else { Err(self.fault(token)) }
    }

    fn fault(&self, expected: &str) -> FileFault {
        fault(format!("expected {expected}, got {:?}", start(self.0.trim_start())))
    }

    /// `'descr'` or `"descr"`; numpy writes no escapes for numbers.
    fn text(&mut self) -> Result<&'a str, FileFault> {
        let quote = if self.accept("'") { '\'' } else { self.expect("\"").map(|()| '"')? };
        let (text, rest) = self.0.split_once(quote).ok_or_else(|| self.fault("a closing quote"))?;
        self.0 = rest;
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool, FileFault> {
        if self.accept("True") { Ok(true) } else { self.expect("False").map(|()| false) }
    }

    /// `()`, `(3,)`, `(3, 2)`
    fn tuple(&mut self) -> Result<Vec<usize>, FileFault> {
        self.expect("(")?;
        let mut numbers = Vec::new();
        while !self.accept(")") {
            let text = self.0.trim_start();
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            numbers.push(text[..digits].parse().map_err(|_| self.fault("a size"))?);
            // Python 2 wrote 3L.
            self.0 = text[digits..].trim_start_matches('L');
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(numbers)
    }
}

/// The first characters: a hostile header may be long.
fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header, String> {
        Dictionary(text).header().map_err(|e| e.to_string())
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let header = |shape: &[usize]| Header { descr: "<f8".into(), fortran: true, shape: shape.to_vec() };
        let text = |shape| format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}, }}   \n");
        assert_eq!(read(&text("()")), Ok(header(&[])));
        assert_eq!(read(&text("(3,)")), Ok(header(&[3])));
        assert_eq!(read(&text("(3, 2)")), Ok(header(&[3, 2])));
        assert_eq!(read(&text("(3L, 2L)")), Ok(header(&[3, 2])));
        assert_eq!(read(r#"{"shape":(0,),"fortran_order":True,"descr":"<f8"}"#), Ok(header(&[0])));
    }

    #[test]
    fn each_malformed_header_has_its_own_message() {
        let table = [
            ("", "header: expected {, got \"\""),
            ("{}", "header: expected an entry descr"),
            ("{'descr': '<f8'}", "header: expected an entry fortran_order"),
            ("{'descr': '<f8', 'fortran_order': False}", "header: expected an entry shape"),
            ("{'descr': '<f8', 'descr': '<f8'}", "header: expected descr once"),
            ("{'code': 'x'}", "header: expected descr, fortran_order or shape, got code"),
            ("{'descr': [('a', '<f8')]}", "header: expected \", got \"[('a', '<f8')]}\""),
            ("{'descr': '<f8", "header: expected a closing quote, got \"<f8\""),
            ("{'fortran_order': 1}", "header: expected False, got \"1}\""),
            ("{'shape': (-1,)}", "header: expected a size, got \"-1,)}\""),
            ("{'shape': (99999999999999999999,)}", "header: expected a size, got \"99999999999999999999\""),
            ("{'shape': (1 2)}", "header: expected ), got \"2)}\""),
            ("{'shape': (1,), } x", "header: expected the end of the header, got \"x\""),
        ];
        for (text, message) in table {
            assert_eq!(read(text).unwrap_err(), message);
        }
    }

    #[test]
    fn data_begin_at_a_multiple_of_64() {
        for rank in 0..40 {
            let shape: Vec<usize> = (0..rank).map(|i| 10_usize.pow(i % 9)).collect();
            let bytes = bytes("f4", &shape);
            assert_eq!(bytes.len() % 64, 0);
            let (header, data) = Header::parse(&bytes).unwrap();
            assert_eq!((header.shape, data), (shape, &[][..]));
        }
        let long = bytes("f4", &[1; 30_000]);
        assert_eq!(Header::parse(&long).unwrap().0.shape.len(), 30_000);
    }
}
