//! A ladder as the blog's table and as JSON.

use serde_json::{json, Map, Value};
use unicode_width::UnicodeWidthStr;

use super::visible;
use crate::domain::{Domain, Unlike, Verdict};

/// One row of a ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// Where on the path from A (0) to B (1) it was decoded.
    pub ratio: f32,
    /// The decoded text as the model gave it.
    pub text: String,
    /// The domain's judgement on the text.
    pub verdict: Verdict,
    /// Whether a guided search found it because the greedy decode was not valid.
    pub guided: bool,
}

/// The ladder as the blog's table: ratio, sequence, valid, with the reason and its place behind an invalid one.
///
/// ```text
/// ratio  sequence   valid
/// ─────  ─────────  ─────
///   0.0  x = 1      ✓
///   0.5  x = foo(   ✗ 1:8 '(' was never closed
/// ```
///
/// Control characters are visible symbols, every line ends with a newline, and no line ends with a blank.
#[must_use]
pub fn ladder_table(rows: &[Rung]) -> String {
    const HEAD: [&str; 3] = ["ratio", "sequence", "valid"];
    let digits = ratio_digits(rows);
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|rung| {
            [
                format!("{:.digits$}", rung.ratio),
                visible(&rung.text).into_owned(),
                judgement(&rung.verdict),
            ]
        })
        .collect();
    let width = |column: usize| {
        let widest = cells.iter().map(|row| row[column].width()).max().unwrap_or(0);
        widest.max(HEAD[column].width())
    };
    let (ratio, sequence) = (width(0), width(1));

    let mut table = String::new();
    let mut line = |left: &str, middle: &str, right: &str| {
        let (before, after) = (ratio - left.width(), sequence - middle.width());
        let row = format!("{:before$}{left}  {middle}{:after$}  {right}", "", "");
        table.push_str(row.trim_end());
        table.push('\n');
    };
    line(HEAD[0], HEAD[1], HEAD[2]);
    line(&"─".repeat(ratio), &"─".repeat(sequence), &"─".repeat(HEAD[2].width()));
    for [left, middle, right] in &cells {
        line(left, middle, right);
    }
    table
}

/// The ladder as one JSON object: `a`, `b` and `rungs`, each with `ratio`, `text` and `valid` and, where it is not
/// valid, what [`verdict_json`] says; `guided` where a guided search found it. Texts stand as they are, JSON escapes what it must.
#[must_use]
pub fn ladder_json(a: &str, b: &str, rows: &[Rung]) -> Value {
    let rungs: Vec<Value> = rows.iter().map(rung_json).collect();
    json!({ "a": a, "b": b, "rungs": rungs })
}

/// One rung of [`ladder_json`].
pub(super) fn rung_json(rung: &Rung) -> Value {
    let mut object = Map::new();
    object.insert("ratio".into(), shortest(rung.ratio));
    object.insert("text".into(), json!(rung.text));
    object.extend(verdict_fields(&rung.verdict));
    if rung.guided {
        object.insert("guided".into(), json!(true));
    }
    Value::Object(object)
}

/// `{"valid": true}`, `{"valid": false, "line", "column", "message"}`, or of a text that has the form and is unlike real ones
/// `{"valid": false, "fluent": false, "bits_per_character", "usual_up_to"}` or
/// `{"valid": false, "credible": false, "digit", "probability", "credible_from"}`.
#[must_use]
pub fn verdict_json(verdict: &Verdict) -> Value {
    Value::Object(verdict_fields(verdict))
}

fn verdict_fields(verdict: &Verdict) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("valid".into(), json!(verdict.is_valid()));
    if let Verdict::Invalid { line, column, message } = verdict {
        fields.insert("line".into(), json!(line));
        fields.insert("column".into(), json!(column));
        fields.insert("message".into(), json!(message));
    }
    match verdict {
        Verdict::Unlike(Unlike::Unusual { bits, limit }) => {
            fields.insert("fluent".into(), json!(false));
            fields.insert("bits_per_character".into(), shortest(*bits));
            fields.insert("usual_up_to".into(), shortest(*limit));
        }
        Verdict::Unlike(Unlike::Doubtful { class, probability, limit }) => {
            fields.insert("credible".into(), json!(false));
            fields.insert("digit".into(), json!(class));
            fields.insert("probability".into(), shortest(*probability));
            fields.insert("credible_from".into(), shortest(*limit));
        }
        Verdict::Valid | Verdict::Invalid { .. } => {}
    }
    fields
}

/// The sign of a verdict: `✓` of a member, `✗` of what has not the form, `~` of what has it and is unlike real ones.
#[must_use]
pub fn verdict_sign(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "✓",
        Verdict::Invalid { .. } => "✗",
        Verdict::Unlike(_) => "~",
    }
}

/// The sign of what a domain does not take, where no more than that is known: `~` in one whose texts are held to being like real ones.
#[must_use]
pub fn invalid_sign(domain: Option<&dyn Domain>) -> &'static str {
    if domain.is_some_and(|domain| domain.held_to().is_some()) {
        "~"
    } else {
        "✗"
    }
}

/// The sign, and behind it place and reason.
pub(super) fn judgement(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Unlike(why) => format!("~ {why}"),
        Verdict::Valid => "✓".to_owned(),
        Verdict::Invalid { line, column, message } => {
            format!("✗ {line}:{column} {}", visible(message))
        }
    }
}

/// The decimals, one to three, that tell the ratios as they are.
pub(super) fn ratio_digits(rows: &[Rung]) -> usize {
    let told = |digits: usize| {
        let scale = 10f32.powi(digits as i32);
        rows.iter().all(|rung| ((rung.ratio * scale).round() / scale - rung.ratio).abs() < 1e-4)
    };
    (1..3).find(|&digits| told(digits)).unwrap_or(3)
}

/// 0.1 rather than the 0.10000000149 that widening an f32 gives.
fn shortest(ratio: f32) -> Value {
    json!(ratio.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(ratio)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs() -> Vec<Rung> {
        let invalid = Verdict::Invalid { line: 1, column: 7, message: "never\x1b closed".into() };
        vec![
            Rung { ratio: 0.0, text: "x = 1".into(), verdict: Verdict::Valid, guided: false },
            Rung { ratio: 0.1, text: "日本 = f(".into(), verdict: invalid, guided: false },
            Rung {
                ratio: 1.0,
                text: "a\n\tb\x1b[2J".into(),
                verdict: Verdict::Valid,
                guided: false,
            },
        ]
    }

    #[test]
    fn table_lines_up_and_hides_nothing() {
        let wanted = "\
ratio  sequence   valid
─────  ─────────  ─────
  0.0  x = 1      ✓
  0.1  日本 = f(  ✗ 1:7 never␛ closed
  1.0  a␊␉b␛[2J   ✓
";
        assert_eq!(ladder_table(&rungs()), wanted);
        assert_eq!(ladder_table(&[]).lines().count(), 2);
    }

    #[test]
    fn ratios_get_the_decimals_they_need() {
        let row = |ratio| Rung { ratio, text: "x".into(), verdict: Verdict::Valid, guided: false };
        let first = |rows: &[Rung]| ladder_table(rows).lines().nth(2).map(str::to_owned);
        assert_eq!(first(&[row(0.25), row(0.5)]).unwrap(), " 0.25  x         ✓");
        assert_eq!(first(&[row(1.0 / 3.0)]).unwrap(), "0.333  x         ✓");
        assert_eq!(first(&[row(-0.5)]).unwrap(), " -0.5  x         ✓");
    }

    #[test]
    fn json_keeps_texts_and_tells_the_place() {
        let value = ladder_json("x = 1", "b", &rungs());
        assert_eq!(
            value.to_string(),
            r#"{"a":"x = 1","b":"b","rungs":[{"ratio":0.0,"text":"x = 1","valid":true},{"ratio":0.1,"text":"日本 = f(","valid":false,"line":1,"column":7,"message":"never\u001b closed"},{"ratio":1.0,"text":"a\n\tb\u001b[2J","valid":true}]}"#
        );
    }
}
