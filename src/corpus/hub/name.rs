//! Names of the hub: `hf:OWNER/NAME[/PATH][@REVISION][:COLUMN]`.

use std::str::FromStr;

use crate::corpus::Column;

/// What names of the hub begin with.
pub const PREFIX: &str = "hf:";

/// A repository of the hub, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    /// `OWNER/NAME`.
    pub repository: String,
    /// A folder or file in it.
    pub path: Option<String>,
    /// Branch, tag or commit; else `main`.
    pub revision: Option<String>,
    /// Column of the text.
    pub column: Option<Column>,
}

/// A text that is no name of the hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no name of the hub: {message}; expected hf:OWNER/NAME[/PATH][@REVISION][:COLUMN]"
)]
pub struct NameError {
    text: String,
    message: &'static str,
}

impl HubName {
    /// Whether a text asks for the hub: nothing on the disk is meant by it.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Branch, tag or commit.
    #[must_use]
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

impl std::fmt::Display for HubName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.repository)?;
        if let Some(path) = &self.path {
            write!(f, "/{path}")?;
        }
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.column {
            Some(Column::Name(name)) => write!(f, ":{name}"),
            Some(Column::Number(number)) => write!(f, ":{number}"),
            None => Ok(()),
        }
    }
}

impl FromStr for HubName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |message| NameError { text: text.to_owned(), message };
        let rest = text.strip_prefix(PREFIX).ok_or_else(|| fail("it does not begin with hf:"))?;
        let (rest, column) = match rest.split_once(':') {
            Some((_, "")) => return Err(fail("there is no column behind the colon")),
            Some((rest, column)) => (rest, column.parse::<Column>().ok()),
            None => (rest, None),
        };
        let (rest, revision) = match rest.split_once('@') {
            Some((rest, revision)) => (rest, Some(revision)),
            None => (rest, None),
        };
        let mut parts = rest.splitn(3, '/');
        let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // The names become parts of paths and addresses.
        for part in [owner, name] {
            if part.is_empty() {
                return Err(fail("an owner and a name are needed"));
            }
            if part.starts_with('.') || !part.chars().all(of_a_name) {
                return Err(fail("owner and name hold letters, digits, `-`, `_` and `.` only"));
            }
        }
        let path = parts.next().map(|path| path.trim_end_matches('/')).filter(|p| !p.is_empty());
        for part in [path, revision].into_iter().flatten() {
            if !is_safe(part) {
                return Err(fail("path and revision hold plain names between single slashes"));
            }
        }
        Ok(Self {
            repository: format!("{owner}/{name}"),
            path: path.map(str::to_owned),
            revision: revision.map(str::to_owned),
            column,
        })
    }
}

fn of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Whether a path within a repository can be a part of a path on the disk and of an address as it is: plain names between
/// single slashes, none of them `.` or `..`, no character that an address gives a meaning to.
pub(super) fn is_safe(path: &str) -> bool {
    path.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && part.chars().all(|c| of_a_name(c) || matches!(c, '=' | '+' | ',' | '(' | ')' | '~'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_with_all_their_parts() {
        let name = |text: &str| text.parse::<HubName>().expect("a name");
        let plain = name("hf:owner/data-set_1.0");
        assert_eq!((plain.repository.as_str(), plain.revision()), ("owner/data-set_1.0", "main"));
        assert_eq!((plain.path, plain.column), (None, None));
        let all = name("hf:o/n/some/folder@refs/convert/parquet:head line");
        assert_eq!(all.path.as_deref(), Some("some/folder"));
        assert_eq!(all.revision(), "refs/convert/parquet");
        assert_eq!(all.column, Some(Column::Name("head line".into())));
        assert_eq!(name("hf:o/n:2").column, Some(Column::Number(2)));
        assert_eq!(name("hf:o/n/").path, None);
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_name() {
        for text in [
            "o/n",
            "hf:",
            "hf:n",
            "hf:/n",
            "hf:o/",
            "hf:../n",
            "hf:o/..",
            "hf:o/n/../../x",
            "hf:o/n//x",
            "hf:o/n@../x",
            "hf:o/n@",
            "hf:o/n:",
            "hf:o/n?x=1",
            "hf:o/n/%2e%2e",
            "hf:o/n/a\\b",
            "hf:o n/x",
            "hf:ö/n",
            "hf:o/n#x",
        ] {
            let error = text.parse::<HubName>().expect_err(text).to_string();
            assert!(error.contains("hf:OWNER/NAME"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_it_is_written(text in "hf:[a-c]{1,3}/[a-c.]{1,3}(/[a-c/.]{0,5})?(@[a-c/]{0,3})?(:[0-9a-c ]{0,3})?") {
            if let Ok(name) = text.parse::<HubName>() {
                prop_assert_eq!(name.to_string().parse::<HubName>(), Ok(name));
            }
        }
    }
}
