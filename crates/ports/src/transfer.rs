//! Where files are fetched from and left: a folder of this machine, a web address, an SFTP server.

use serde::{Deserialize, Serialize};

/// What kind of place it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A folder below the one that the configuration opens for files.
    #[default]
    Folder,
    /// An `http` or `https` address: fetched by GET, left by PUT.
    Http,
    /// A server that speaks SFTP.
    Sftp,
}

/// A place for files. Its password or key is kept apart, sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// What kind of place.
    pub kind: PlaceKind,
    /// Web address, or host with an optional port; blank for a folder.
    pub address: String,
    /// Folder and file, such as `in/Stock*.csv`; `*` and `?` stand for what may differ. Blank for a web address.
    pub path: String,
    /// Whom to sign in as; blank for nobody.
    pub user: String,
    /// SHA-256 fingerprint of the SFTP server's key, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its name, without its folder.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Whether a file's name fits a pattern in which `*` stands for any letters and `?` for one.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            // The last star takes one letter more.
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_pattern_fits_what_it_says() {
        for (pattern, name, fit) in [
            ("Stock*.csv", "Stock-2026.csv", true),
            ("Stock*.csv", "stock.csv", false),
            ("*", "anything", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.csv", "a.csv.bak", false),
            ("*a*b*", "xxaxxbxx", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
