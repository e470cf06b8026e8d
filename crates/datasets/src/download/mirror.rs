//! Places that have the files.

use std::path::PathBuf;
use std::{fmt, str};

use crate::Error;

/// A place that has the files.
///
/// # Examples
///
/// ```
/// use datasets::download::Mirror;
///
/// assert_eq!("https://example.org/mnist".parse::<Mirror>()?, Mirror::Url("https://example.org/mnist".into()));
/// assert_eq!("../mirror".parse::<Mirror>()?, Mirror::Folder("../mirror".into()));
/// # Ok::<(), datasets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// The address of a folder.
    Url(String),
    /// A folder on this machine.
    Folder(PathBuf),
}

impl Mirror {
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Where the file may be: beside the others or in a folder of its set.
    pub(super) fn places(&self, folder: &str, name: &str) -> [Self; 2] {
        match self {
            Self::Url(url) => {
                let url = url.trim_end_matches('/');
                [Self::Url(format!("{url}/{name}")), Self::Url(format!("{url}/{folder}/{name}"))]
            }
            Self::Folder(path) => [Self::Folder(path.join(name)), Self::Folder(path.join(folder).join(name))],
        }
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

/// An address if it starts with `https://` or `http://`, otherwise the path of a folder.
impl str::FromStr for Mirror {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("https" | "http") => Ok(Self::Url(text.to_owned())),
            None if !text.is_empty() => Ok(Self::Folder(text.into())),
            _ => Err(Error::Mirror { text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_schemes_and_nothing_are_no_mirrors() {
        for text in ["ftp://example.org", "file:///tmp", ""] {
            assert!(matches!(text.parse::<Mirror>(), Err(Error::Mirror { .. })), "{text}");
        }
    }
}
