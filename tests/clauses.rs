//! What a decoder of Python is told of the clauses that it stands in, by the tokens of the bundled tokenizer.

use std::path::Path;

use candle_core::Device;
use tvae_tui::domain::{domain, Codec, START_ID};
use tvae_tui::model::TransformerVae;
use tvae_tui::numeric::{Nesting, Open};
use tvae_tui::train::{Preset, TrainConfig};

struct Told {
    codec: Codec,
    nesting: Nesting,
}

impl Told {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/python");
        let codec = Codec::from_folder(&folder).expect("the bundled tokenizer");
        let config = TrainConfig {
            d_model: 32,
            heads: 2,
            d_ff: 32,
            nesting: true,
            clauses: true,
            ..TrainConfig::preset(Preset::Tiny, "python")
        };
        let shape =
            config.model_config_for(&codec, codec.vocab_size(), Vec::new()).expect("a shape");
        let model = TransformerVae::new(shape, 0, &Device::Cpu).expect("a model");
        let nesting = model.nesting().expect("told what is open").clone();
        Self { codec, nesting }
    }

    /// What is open behind a text.
    fn behind(&self, text: &str) -> Open {
        let mut ids = vec![START_ID];
        ids.extend(self.codec.encode(text).expect("ids"));
        self.nesting.behind(&ids).last().expect("at least the start")
    }

    fn class(&self, text: &str) -> (usize, usize) {
        (self.behind(text).clauses.class(), self.behind(text).clauses.head())
    }
}

#[test]
fn what_may_follow_differs_where_the_clauses_do() {
    let told = Told::new();
    for (a, b) in [
        ("x = f(a", "x = (a"),
        ("x = a if b", "x = a if b else c"),
        ("x = [a for b", "x = [a for b in c"),
        ("f(a", "f(a=b"),
        ("f(lambda a", "f(lambda a: b"),
        ("{a", "{a: b"),
        ("x = a", "x = a +"),
        ("x = a", "x = a."),
        ("from a", "import a"),
        ("from a", "from a import b"),
        ("if a", "a"),
        ("return a", "a"),
        ("x = a", "x: a"),
        ("x = a", "x = a  # a"),
    ] {
        assert_ne!(told.class(a), told.class(b), "{a} | {b}");
    }
}

#[test]
fn what_may_follow_is_the_same_where_the_clauses_are() {
    let told = Told::new();
    for (a, b) in [
        ("x = a", "value = some_longer_name.of_it(1)[2]"),
        ("x = 'if a for b'", "x = a"),
        ("x = f(a, b=1)", "x = f(c)"),
        ("f(a, b=1, c", "f(c"),
        ("x = a if b else c", "x = a"),
        ("x = [a for b in c]", "x = [a]"),
        ("x = lambda a, b: c", "x = c"),
        ("if a: b = c", "b = c"),
        ("x = 1; y = 2", "y = 2"),
        ("from . import a", "from .b import a"),
        // Words that begin or end with a keyword's letters.
        ("x = forbidden", "x = a"),
        ("x = ifx", "x = a"),
        ("x = wait_for", "x = a"),
        ("x = self.import_lambda_else", "x = a"),
        ("x = inner.is_in", "x = a"),
    ] {
        assert_eq!(told.class(a), told.class(b), "{a} | {b}");
    }
}

#[test]
fn a_comment_ends_what_counts() {
    let told = Told::new();
    assert_eq!(told.class("x = 1  # noqa: if ("), told.class("x = 1  # a"));
}

#[test]
fn words_stand_for_words_only() {
    let told = Told::new();
    let id = |text: &str| {
        let ids = told.codec.encode(text).expect("ids");
        assert_eq!(ids.len(), 1, "{text}");
        ids[0]
    };
    let alike = |a, b| told.nesting.alike(id(a), id(b));
    assert!(alike(" value", " name") && alike("value", "name"));
    for (a, b) in
        [("value", " name"), (" if", " else"), (" value", " ="), ("(", "name"), (",", ".")]
    {
        assert!(!alike(a, b) && !alike(b, a), "{a} {b}");
    }
}

#[test]
fn every_beginning_of_every_sample_has_its_rows() {
    let told = Told::new();
    for sample in domain("python").expect("a domain").samples() {
        let ids = told.codec.encode(&sample.text).expect("ids");
        for open in told.nesting.behind(&ids) {
            let rows: Vec<usize> = told.nesting.rows(open).collect();
            assert!(rows.len() == 3 && rows.iter().all(|&row| row < Nesting::ROWS));
        }
    }
}
