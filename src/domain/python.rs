//! Single lines of Python.

use super::{lexeme, lines, python_syntax, Codec, CodecError, Domain, Verdict};

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

    fn samples(&self) -> Vec<&'static str> {
        lines(include_str!("../../assets/samples/python.txt"))
    }
}
