//! Terms of a query that are no letters to look for: `label:politics`, `has:call`, `length>40`.

use crate::domain::{AttributeInfo, AttributeKind};

/// A condition on an item.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// The label begins with this, in small letters.
    Label(String),
    /// An attribute whose name begins with this, in small letters, is there.
    Has(String),
    /// The attribute of this name is above a number.
    Above(usize, f32),
    /// The attribute of this name is below a number.
    Below(usize, f32),
}

/// What a query asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Query {
    /// All of them have to hold.
    pub(super) filters: Vec<Filter>,
    /// What is left, for the fuzzy search.
    pub(super) pattern: String,
}

impl Query {
    /// Takes the filters out of what was typed. A comparison counts only with the whole name of an attribute, so that
    /// `x>1` is looked for as it stands.
    pub(super) fn parse(typed: &str, attributes: &[AttributeInfo]) -> Self {
        let mut query = Self::default();
        for term in typed.split_whitespace() {
            match filter(term, attributes) {
                Some(filter) => query.filters.push(filter),
                None => {
                    if !query.pattern.is_empty() {
                        query.pattern.push(' ');
                    }
                    query.pattern.push_str(term);
                }
            }
        }
        query
    }

    /// Whether an item has to be known by its attributes.
    pub(super) fn wants_values(&self) -> bool {
        self.filters.iter().any(|filter| !matches!(filter, Filter::Label(_)))
    }
}

fn filter(term: &str, attributes: &[AttributeInfo]) -> Option<Filter> {
    if let Some((key, value)) = term.split_once(':') {
        match key {
            "label" => return Some(Filter::Label(value.to_lowercase())),
            "has" => return Some(Filter::Has(value.to_lowercase())),
            _ => {}
        }
    }
    let at = term.find(['<', '>'])?;
    let (name, value) = (&term[..at], term[at + 1..].parse::<f32>().ok()?);
    let attribute = attributes.iter().position(|info| key_of(info) == name.to_lowercase())?;
    let above = term[at..].starts_with('>');
    Some(if above { Filter::Above(attribute, value) } else { Filter::Below(attribute, value) })
}

/// An attribute's name as it is typed: without blanks.
fn key_of(info: &AttributeInfo) -> String {
    info.name.to_lowercase().replace(' ', "-")
}

impl Filter {
    /// Whether an item with this label and these values of the attributes is meant.
    pub(super) fn holds(
        &self,
        label: &str,
        attributes: &[AttributeInfo],
        values: &[Option<f32>],
    ) -> bool {
        let value = |attribute: usize| values.get(attribute).copied().flatten();
        match self {
            Self::Label(start) => label.to_lowercase().starts_with(start),
            Self::Has(start) => {
                start.is_empty()
                    || attributes.iter().zip(values).any(|(info, value)| {
                        info.kind == AttributeKind::YesNo
                            && key_of(info).starts_with(start)
                            && value.is_some_and(|value| value > 0.5)
                    })
            }
            Self::Above(attribute, bound) => value(*attribute).is_some_and(|v| v > *bound),
            Self::Below(attribute, bound) => value(*attribute).is_some_and(|v| v < *bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::domain;

    #[test]
    fn filters_are_told_from_what_is_looked_for() {
        let python = domain("python").expect("a domain").attributes();
        let length = python.iter().position(|info| info.name == "length").expect("a length");
        let query = Query::parse("items has:call x>1 length>40 label:POL a:b", python);
        assert_eq!(query.pattern, "items x>1 a:b");
        let wanted =
            [Filter::Has("call".into()), Filter::Above(length, 40.0), Filter::Label("pol".into())];
        assert_eq!(query.filters, wanted);
        assert!(query.wants_values() && !Query::parse("label:x é", python).wants_values());
    }

    #[test]
    fn filters_hold_for_what_they_name() {
        let python = domain("python").expect("a domain");
        let holds = |typed: &str, text: &str| {
            let values = python.attribute_values(text);
            let query = Query::parse(typed, python.attributes());
            query.filters.iter().all(|f| f.holds("POLITICS", python.attributes(), &values))
        };
        assert!(holds("has:call", "f(x)") && !holds("has:call", "x"));
        assert!(holds("has:self", "self.x = 1") && holds("has:augmented-assignment", "x += 1"));
        assert!(!holds("has:call has:string", "f(x)") && holds("has:call has:string", "f('x')"));
        assert!(holds("length<5", "f(x)") && !holds("length>5", "f(x)"));
        assert!(holds("label:pol", "x") && !holds("label:food", "x") && holds("label: has:", "x"));
        assert!(!holds("has:nothing-of-the-kind", "x"));
    }
}
