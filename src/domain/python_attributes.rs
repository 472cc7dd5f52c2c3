//! Attributes of lines of Python, told from their tree and their names.

use rustpython_parser::ast::{Constant, Expr, Operator, Stmt};

use super::attribute::{length, yes, AttributeInfo};
use super::python_lexemes::{lexemes, Kind, KEYWORDS};
use super::python_syntax::{self, Node};

/// The attributes, in the order of [`values`].
pub(super) const ATTRIBUTES: [AttributeInfo; 22] = [
    AttributeInfo::yes_no("assignment", "assigns with `=`"),
    AttributeInfo::yes_no("augmented assignment", "assigns with `+=` and the like"),
    AttributeInfo::yes_no("return", "returns from a function"),
    AttributeInfo::yes_no("raise", "raises an exception"),
    AttributeInfo::yes_no("import", "imports a module or names from one"),
    AttributeInfo::yes_no("assert", "asserts a condition"),
    AttributeInfo::yes_no("call", "calls something"),
    AttributeInfo::yes_no("keyword argument", "passes an argument by name"),
    AttributeInfo::yes_no("string", "holds a string that is no f-string"),
    AttributeInfo::yes_no("f-string", "holds an f-string"),
    AttributeInfo::yes_no("number", "holds a number"),
    AttributeInfo::yes_no("comparison", "compares, `in` and `is` included"),
    AttributeInfo::yes_no("arithmetic", "adds, multiplies and the like, strings left out"),
    AttributeInfo::yes_no("subscript", "takes an item or a slice"),
    AttributeInfo::yes_no("comprehension", "holds a comprehension or a generator expression"),
    AttributeInfo::yes_no("lambda", "holds a lambda"),
    AttributeInfo::yes_no("self.", "uses an attribute of `self`"),
    AttributeInfo::number(
        "arguments",
        "arguments of the call that has most, where there is a call",
    ),
    AttributeInfo::number("depth", "expressions within one another"),
    AttributeInfo::length("length", "characters"),
    AttributeInfo::yes_no("snake case", "has a name like `snake_case`"),
    AttributeInfo::yes_no("camel case", "has a name like `camelCase` or `CamelCase`"),
];

/// A text's values; all but the length need a text that parses and is not blank.
pub(super) fn values(text: &str) -> Vec<Option<f32>> {
    let found =
        if text.trim().is_empty() { None } else { python_syntax::with_tree(text, Found::in_tree) };
    let has = |flag: fn(&Found) -> bool| found.as_ref().map(|found| yes(flag(found)));
    let names = |flag: fn(&str) -> bool| found.as_ref().map(|_| yes(any_name(text, flag)));
    vec![
        has(|f| f.assignment),
        has(|f| f.augmented),
        has(|f| f.returns),
        has(|f| f.raises),
        has(|f| f.imports),
        has(|f| f.asserts),
        has(|f| f.arguments.is_some()),
        has(|f| f.keyword_argument),
        has(|f| f.string),
        has(|f| f.f_string),
        has(|f| f.number),
        has(|f| f.comparison),
        has(|f| f.arithmetic),
        has(|f| f.subscript),
        has(|f| f.comprehension),
        has(|f| f.lambda),
        has(|f| f.of_self),
        found.as_ref().and_then(|f| f.arguments).map(|n| n as f32),
        found.as_ref().map(|f| f.depth as f32),
        Some(length(text)),
        names(is_snake),
        names(is_camel),
    ]
}

/// What a tree holds.
#[derive(Default)]
struct Found {
    assignment: bool,
    augmented: bool,
    returns: bool,
    raises: bool,
    imports: bool,
    asserts: bool,
    keyword_argument: bool,
    string: bool,
    f_string: bool,
    number: bool,
    comparison: bool,
    arithmetic: bool,
    subscript: bool,
    comprehension: bool,
    lambda: bool,
    of_self: bool,
    /// Of the call that has most; `None` without a call.
    arguments: Option<usize>,
    depth: usize,
}

impl Found {
    fn in_tree(suite: &[Stmt]) -> Self {
        let mut found = Self::default();
        python_syntax::walk(suite, |node, depth| match node {
            Node::Statement(statement) => found.statement(statement),
            Node::Expression(expression) => {
                found.depth = found.depth.max(depth + 1);
                found.expression(expression);
            }
        });
        found
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Assign(_) => self.assignment = true,
            Stmt::AnnAssign(s) => self.assignment |= s.value.is_some(),
            Stmt::AugAssign(_) => self.augmented = true,
            Stmt::Return(_) => self.returns = true,
            Stmt::Raise(_) => self.raises = true,
            Stmt::Import(_) | Stmt::ImportFrom(_) => self.imports = true,
            Stmt::Assert(_) => self.asserts = true,
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Call(e) => {
                let count = e.args.len() + e.keywords.len();
                self.arguments = Some(self.arguments.map_or(count, |most| most.max(count)));
                self.keyword_argument |= e.keywords.iter().any(|k| k.arg.is_some());
            }
            Expr::JoinedStr(_) => self.f_string = true,
            Expr::Constant(e) => match &e.value {
                Constant::Str(_) | Constant::Bytes(_) => self.string = true,
                Constant::Int(_) | Constant::Float(_) | Constant::Complex { .. } => {
                    self.number = true;
                }
                _ => {}
            },
            Expr::Compare(_) => self.comparison = true,
            Expr::BinOp(e) => {
                let of_numbers = !is_text(&e.left) && !is_text(&e.right);
                self.arithmetic |= of_numbers && is_arithmetic(e.op);
            }
            Expr::Subscript(_) => self.subscript = true,
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::GeneratorExp(_) => {
                self.comprehension = true;
            }
            Expr::Lambda(_) => self.lambda = true,
            Expr::Attribute(e) => {
                self.of_self |= matches!(&*e.value, Expr::Name(name) if name.id.as_str() == "self");
            }
            _ => {}
        }
    }
}

fn is_text(expression: &Expr) -> bool {
    match expression {
        Expr::JoinedStr(_) => true,
        Expr::Constant(e) => matches!(e.value, Constant::Str(_) | Constant::Bytes(_)),
        _ => false,
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    match operator {
        Operator::Add
        | Operator::Sub
        | Operator::Mult
        | Operator::MatMult
        | Operator::Div
        | Operator::Mod
        | Operator::Pow
        | Operator::FloorDiv => true,
        Operator::LShift
        | Operator::RShift
        | Operator::BitOr
        | Operator::BitXor
        | Operator::BitAnd => false,
    }
}

/// Whether one of the names in a text is such a name.
fn any_name(text: &str, is_such: fn(&str) -> bool) -> bool {
    lexemes(text)
        .iter()
        .any(|l| l.kind == Kind::Name && !KEYWORDS.contains(&l.text) && is_such(l.text))
}

/// Lower-case words joined by `_`.
fn is_snake(name: &str) -> bool {
    let inner = name.trim_matches('_');
    inner.contains('_') && !inner.contains(char::is_uppercase)
}

/// Words without `_` between them, of which all but the first begin with a capital.
fn is_camel(name: &str) -> bool {
    let inner = name.trim_matches('_');
    let follows = inner.chars().zip(inner.chars().skip(1));
    !inner.contains('_') && follows.into_iter().any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::attribute::AttributeKind;
    use super::*;

    /// The names of the yes/no attributes that a text has.
    fn had(text: &str) -> Vec<&'static str> {
        let yes = |(info, value): (&AttributeInfo, Option<f32>)| {
            (info.kind == AttributeKind::YesNo && value == Some(1.0)).then_some(info.name)
        };
        ATTRIBUTES.iter().zip(values(text)).filter_map(yes).collect()
    }

    fn number(text: &str, name: &str) -> Option<f32> {
        let at = ATTRIBUTES.iter().position(|info| info.name == name).unwrap();
        values(text)[at]
    }

    #[test]
    fn every_attribute_has_a_line_that_has_it_alone() {
        let cases: [(&str, &[&str]); 26] = [
            ("x = y", &["assignment"]),
            ("x: T = y", &["assignment"]),
            ("x: T", &[]),
            ("x += y", &["augmented assignment"]),
            ("return x", &["return"]),
            ("raise Error from e", &["raise"]),
            ("import os", &["import"]),
            ("from os import path", &["import"]),
            ("assert x", &["assert"]),
            ("f(x, *y, **z)", &["call"]),
            ("f(x=y)", &["call", "keyword argument"]),
            ("'a'", &["string"]),
            ("b'a'", &["string"]),
            ("f'a {x}'", &["f-string"]),
            ("f'{x[\"k\"]}'", &["string", "f-string", "subscript"]),
            ("1.5", &["number"]),
            ("x not in y", &["comparison"]),
            ("x // y", &["arithmetic"]),
            ("'%s' % x", &["string"]),
            ("x | y", &[]),
            ("x[y:z]", &["subscript"]),
            ("{k: v for k, v in x}", &["comprehension"]),
            ("lambda x: x", &["lambda"]),
            ("self.x", &["self."]),
            ("__snake_case__, MAX_SIZE", &["snake case"]),
            ("camelCase, __init__, Class", &["camel case"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(had(text), wanted, "{text}");
        }
        let named: std::collections::BTreeSet<&str> =
            cases.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let yes_no = ATTRIBUTES.iter().filter(|info| info.kind == AttributeKind::YesNo);
        assert_eq!(named.len(), yes_no.count());
    }

    #[test]
    fn blocks_patterns_and_defaults_are_looked_into() {
        assert_eq!(
            had("def f(x=[1 for _ in y]): return lambda: 0"),
            ["return", "number", "comprehension", "lambda"]
        );
        assert_eq!(had("try: assert x\nexcept E: raise"), ["raise", "assert"]);
        assert_eq!(had("match x:\n case [1, *_]: y += z"), ["augmented assignment", "number"]);
        assert_eq!(had("with f(a=b) as self.c: pass"), ["call", "keyword argument", "self."]);
    }

    #[test]
    fn numbers_count_what_they_say() {
        assert_eq!(number("f(a, b, c=d) + g(*x)", "arguments"), Some(3.0));
        assert_eq!(number("f()", "arguments"), Some(0.0));
        assert_eq!(number("x = 1", "arguments"), None);
        assert_eq!(number("x", "depth"), Some(1.0));
        assert_eq!(number("x = f(a.b[1])", "depth"), Some(4.0));
        assert_eq!(number("pass", "depth"), Some(0.0));
        assert_eq!(number("é = 1", "length"), Some(5.0));
    }

    #[test]
    fn what_does_not_parse_has_only_a_length() {
        for text in ["x = (", "1 = x", "", "  "] {
            let found = values(text);
            assert_eq!(found.len(), ATTRIBUTES.len());
            for (info, value) in ATTRIBUTES.iter().zip(found) {
                assert_eq!(value.is_some(), info.kind == AttributeKind::Length, "{text} {info:?}");
            }
        }
    }

    #[test]
    fn long_and_deep_texts_do_no_harm() {
        let sum = vec!["x"; 30_000].join("+");
        assert!(had(&sum).contains(&"arithmetic"));
        let nots = format!("{}x", "not ".repeat(20_000));
        assert_eq!(number(&nots, "depth"), Some(20_001.0));
    }
}
