//! Single lines of Python.

use rand::RngCore;

use super::between::{self, Part, Sort};
use super::python_lexemes::{lexemes, Kind, KEYWORDS};
use super::{
    lexeme, lines, python_attributes, python_syntax, AttributeInfo, Codec, CodecError, Domain,
    Verdict,
};

/// Lines that CPython's `ast.parse` accepts.
pub(super) struct Python;

impl Domain for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn train_codec(
        &self,
        lines: &mut (dyn Iterator<Item = &str> + Send),
        vocab: usize,
    ) -> Result<Codec, CodecError> {
        lexeme::train(lines, vocab)
    }

    fn verdict(&self, text: &str) -> Verdict {
        python_syntax::verdict(text)
    }

    fn may_become_valid(&self, text: &str) -> bool {
        python_syntax::may_become_valid(text)
    }

    fn between(&self, a: &str, b: &str, ratio: f64, rng: &mut dyn RngCore) -> Option<String> {
        let accept = |text: &str| python_syntax::verdict(text).is_valid();
        between::between(&parts(a), &parts(b), ratio, &accept, rng)
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &python_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        python_attributes::values(text)
    }

    fn samples(&self) -> Vec<&'static str> {
        lines(include_str!("../../assets/samples/python.txt"))
    }
}

/// A line's lexemes as what two lines are mixed from.
fn parts(text: &str) -> Vec<Part<'_>> {
    let sort = |text: &str, kind| match (kind, text) {
        (Kind::Name, text) if KEYWORDS.contains(&text) => Sort::Syntax,
        (Kind::Name, _) => Sort::Word,
        (Kind::Number | Kind::String, _) => Sort::Value,
        (Kind::Other, "(" | "[" | "{") => Sort::Open,
        (Kind::Other, ")" | "]" | "}") => Sort::Close,
        (Kind::Other, _) => Sort::Syntax,
    };
    let lexemes = lexemes(text);
    let after = lexemes.iter().skip(1).map(|l| l.spaced).chain([false]);
    lexemes
        .iter()
        .zip(after)
        .enumerate()
        .map(|(index, (l, spaced_after))| Part {
            text: l.text,
            sort: sort(l.text, l.kind),
            spaced: l.spaced,
            spaced_after,
            index,
        })
        .collect()
}
