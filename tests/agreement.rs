//! The verdict on Python is CPython 3.11's `ast.parse`.

mod shared_data;

use proptest::prelude::*;
use shared_data::shared_data;
use tvae_tui::corpus::{read, Column, Header, ReadOptions};
use tvae_tui::domain::python_syntax::{may_become_valid, verdict};
use tvae_tui::domain::Verdict;

#[test]
fn agrees_with_cpython_on_the_corpus() {
    let Some(path) = shared_data("python-validity.tsv.zst") else { return };
    let options = ReadOptions {
        column: Some(Column::Number(1)),
        label: Some(Column::Number(0)),
        header: Header::No,
        ..ReadOptions::default()
    };
    let rows = read(&path, &options).expect("the rows").examples;
    let wrong: Vec<_> = rows
        .iter()
        .filter(|row| verdict(&row.text).is_valid() != (row.label.as_deref() == Some("1")))
        .collect();
    let share = 1.0 - wrong.len() as f64 / rows.len() as f64;
    println!("agreement with CPython: {:.2} % of {} rows", 100.0 * share, rows.len());
    for row in &wrong {
        println!("CPython says {:?}, we say {:?}: {}", row.label, verdict(&row.text), row.text);
    }
    assert!(rows.len() >= 5000 && share >= 0.999);
}

#[test]
fn every_line_of_the_valid_split_is_valid() {
    let Some(path) = shared_data("python-lines.valid.txt.zst") else { return };
    for row in read(&path, &ReadOptions::default()).expect("the lines").examples {
        assert_eq!(verdict(&row.text), Verdict::Valid, "{}", row.text);
    }
}

#[test]
fn every_beginning_of_a_valid_line_may_become_valid_and_most_wrong_lines_are_seen_early() {
    let Some(path) = shared_data("python-lines.valid.txt.zst") else { return };
    let lines = read(&path, &ReadOptions { limit: Some(1500), ..ReadOptions::default() });
    for row in lines.expect("the lines").examples {
        for (at, _) in row.text.char_indices() {
            assert!(may_become_valid(&row.text[..at]), "{}", &row.text[..at]);
        }
    }
    let Some(path) = shared_data("python-validity.tsv.zst") else { return };
    let options = ReadOptions {
        column: Some(Column::Number(1)),
        label: Some(Column::Number(0)),
        header: Header::No,
        ..ReadOptions::default()
    };
    let rows = read(&path, &options).expect("the rows").examples;
    let wrong: Vec<_> = rows.iter().filter(|r| r.label.as_deref() == Some("0")).collect();
    let early = wrong
        .iter()
        .filter(|row| row.text.char_indices().any(|(at, _)| !may_become_valid(&row.text[..at])));
    let share = early.count() as f64 / wrong.len() as f64;
    println!("{:.1} % of {} wrong lines are seen before their end", 100.0 * share, wrong.len());
    assert!(share > 0.4);
}

#[test]
fn accepts_what_cpython_leaves_to_its_compiler() {
    for text in [
        "",
        "x = 1",
        "f(x=1, x=2)",
        "def f(a, a): pass",
        "lambda a, a: a",
        "return x",
        "await f()",
        "*a = 1",
        "*a, b = c",
        "(a, [b, c.d]), e[0] = f",
        "f(a for a in b)",
        "f((a for a in b), c)",
        "(x := 1)",
        "x: int",
        "(x): int = 1",
        "for x.y in z: pass",
        "del (a, [b]), c.d",
        "with f() as (a, b): pass",
        "print(f'{x!r:>{width}}')",
        "match = 1",
    ] {
        assert_eq!(verdict(text), Verdict::Valid, "{text}");
    }
}

#[test]
fn refuses_with_cpythons_message_and_place() {
    let here = "here. Maybe you meant '==' instead of '='?";
    for (text, column, message) in [
        ("1 = x", 1, &*format!("cannot assign to literal {here}")),
        ("f() = 1", 1, &*format!("cannot assign to function call {here}")),
        ("None = 1", 1, "cannot assign to None"),
        ("x + 1 = 2", 1, &*format!("cannot assign to expression {here}")),
        ("a, f() = 1", 4, &*format!("cannot assign to function call {here}")),
        ("del f()", 5, "cannot delete function call"),
        ("f(a for a in b, c)", 3, "Generator expression must be parenthesized"),
        ("(a, b) += 1", 1, "'tuple' is an illegal expression for augmented assignment"),
        ("(a, b): int", 1, "only single target (not tuple) can be annotated"),
        ("for f() in x: pass", 5, "cannot assign to function call"),
        ("é = [1 for f() in y]", 12, "cannot assign to function call"),
        ("print(x", 6, "'(' was never closed"),
    ] {
        let expected = Verdict::invalid(1, column, message);
        assert_eq!(verdict(text), expected, "{text}");
    }
    for text in ["x = ", "a b", "1 +", "'abc", "x = (1", "if x:", "0777", "1_", "f(**k, *a)", "\0"]
    {
        assert!(!verdict(text).is_valid(), "{text}");
    }
}

#[test]
fn depth_is_refused_and_never_overflows() {
    for n in [199, 201, 100_000] {
        let nested = format!("{}{}", "(".repeat(n), ")".repeat(n));
        let text = format!("x = {}1{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(verdict(&text).is_valid(), n < 200, "{n}");
        assert_eq!(verdict(&nested).is_valid(), n < 200, "{n}");
    }
    for text in [
        format!("x{}", ".y".repeat(50_000)),
        "-".repeat(50_000),
        format!("x = {}", "not ".repeat(20_000)),
    ] {
        // Whatever the verdict is, it is one.
        assert!(matches!(verdict(&text), Verdict::Valid | Verdict::Invalid { .. }));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), code in "[a-c0-2 =+().,:\\[\\]{}'\"\\\\*\n#@fb]{0,40}") {
        for text in [text, code] {
            if let Verdict::Invalid { line, column, message } = verdict(&text) {
                prop_assert!(line >= 1 && column >= 1 && !message.is_empty());
                prop_assert!(line <= text.matches('\n').count() + 1);
            }
        }
    }
}
