//! Two models on the same ladder, side by side, as a table and as JSON.

use serde_json::{json, Value};
use unicode_width::UnicodeWidthStr;

use super::ladder::{judgement, ratio_digits, rung_json};
use super::{visible, Rung};
use crate::eval::{Ladder, LadderMetrics, Units};

/// One model's ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The model's name.
    pub model: String,
    /// Its rungs.
    pub rungs: Vec<Rung>,
}

/// The ladders of two models between the same ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The text at ratio 0.
    pub a: String,
    /// The text at ratio 1.
    pub b: String,
    /// The way between them.
    pub path: String,
    /// How latents were decoded.
    pub decoding: String,
    /// The domain of both models' sequences.
    pub domain: String,
    /// The models.
    pub models: [Compared; 2],
}

impl Comparison {
    /// The figures of a model's ladder.
    fn figures(&self, rungs: &[Rung]) -> LadderMetrics {
        let ladder = Ladder {
            a: self.a.clone(),
            b: self.b.clone(),
            rungs: rungs.iter().map(|rung| rung.text.clone()).collect(),
            valid: rungs.iter().map(|rung| rung.verdict.is_valid()).collect(),
        };
        LadderMetrics::measure(&ladder, None, Units::of(&self.domain))
    }

    /// How many interior rungs are valid, different and blends, and the largest step.
    fn summary(&self, rungs: &[Rung]) -> String {
        let figures = self.figures(rungs);
        let all = rungs.len().saturating_sub(2);
        let of = |share: Option<f64>| (share.unwrap_or(0.0) * all as f64).round();
        let mut summary = format!(
            "{}/{all} valid · {} distinct",
            of(figures.interior_validity),
            of(figures.distinct)
        );
        if figures.blend_yield.is_some() {
            summary.push_str(&format!(" · {} blends", of(figures.blend_yield)));
        }
        if let Some(step) = figures.max_step {
            summary.push_str(&format!(" · step {step:.2}"));
        }
        summary
    }

    /// The ladders side by side, a summary below each.
    ///
    /// ```text
    /// ratio  python     valid          mine     valid
    /// ─────  ─────────  ─────────────  ───────  ─────
    ///   0.0  x = 1      ✓              x = 1    ✓
    ///   0.5  x = foo(   ✗ 1:8 never …  x = foo  ✓
    ///
    /// python: 7/9 valid · 8 distinct · 3 blends · step 0.42
    /// mine: 9/9 valid · 9 distinct · 4 blends · step 0.31
    /// ```
    #[must_use]
    pub fn table(&self) -> String {
        let [left, right] = &self.models;
        let digits = ratio_digits(&left.rungs);
        let (one, two) = (visible(&left.model), visible(&right.model));
        let head = ["ratio", &*one, "valid", &*two, "valid"].map(str::to_owned);
        let mut rows: Vec<[String; 5]> = vec![head];
        for (l, r) in left.rungs.iter().zip(&right.rungs) {
            rows.push([
                format!("{:.digits$}", l.ratio),
                visible(&l.text).into_owned(),
                judgement(&l.verdict),
                visible(&r.text).into_owned(),
                judgement(&r.verdict),
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..5).map(width).collect();
        let mut out = String::new();
        for (y, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(x, (cell, width))| {
                let pad = " ".repeat(width - cell.width());
                if x == 0 {
                    format!("{pad}{cell}")
                } else {
                    format!("{cell}{pad}")
                }
            });
            out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            out.push('\n');
            if y == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                out.push_str(&rule.join("  "));
                out.push('\n');
            }
        }
        out.push('\n');
        for model in &self.models {
            let (name, summary) = (visible(&model.model), self.summary(&model.rungs));
            out.push_str(&format!("{name}: {summary}\n"));
        }
        out
    }

    /// One object: `a`, `b`, `path`, `decoding`, and `models` with each one's `model`, `rungs` and figures.
    #[must_use]
    pub fn json(&self) -> Value {
        let models: Vec<Value> = self
            .models
            .iter()
            .map(|model| {
                let figures = self.figures(&model.rungs);
                json!({
                    "model": model.model,
                    "rungs": model.rungs.iter().map(rung_json).collect::<Vec<_>>(),
                    "interior_validity": figures.interior_validity,
                    "copy_rate": figures.copy_rate,
                    "distinct": figures.distinct,
                    "blend_yield": figures.blend_yield,
                    "max_step": figures.max_step,
                })
            })
            .collect();
        json!({
            "a": self.a, "b": self.b, "path": self.path, "decoding": self.decoding, "models": models
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Verdict;

    fn comparison() -> Comparison {
        let rungs = |texts: [&str; 3]| {
            let rung = |(k, text): (usize, &str)| Rung {
                ratio: k as f32 / 2.0,
                text: text.to_owned(),
                verdict: if text.ends_with('(') {
                    Verdict::invalid(1, 6, "'(' was never closed")
                } else {
                    Verdict::Valid
                },
                guided: false,
            };
            texts.into_iter().enumerate().map(rung).collect()
        };
        Comparison {
            a: "x = 1".into(),
            b: "return y".into(),
            path: "per-token".into(),
            decoding: "greedy".into(),
            domain: "python".into(),
            models: [
                Compared { model: "one".into(), rungs: rungs(["x = 1", "f(\u{1b}(", "return y"]) },
                Compared {
                    model: "two\u{7}".into(), rungs: rungs(["x = 1", "return x", "日本"])
                },
            ],
        }
    }

    #[test]
    fn ladders_stand_side_by_side_and_nothing_acts_on_the_terminal() {
        let wanted = "\
ratio  one       valid                       two␇      valid
─────  ────────  ──────────────────────────  ────────  ─────
  0.0  x = 1     ✓                           x = 1     ✓
  0.5  f(␛(      ✗ 1:6 '(' was never closed  return x  ✓
  1.0  return y  ✓                           日本      ✓

one: 0/1 valid · 1 distinct · 0 blends · step 1.00
two␇: 1/1 valid · 1 distinct · 0 blends · step 1.00
";
        assert_eq!(comparison().table(), wanted);
    }

    #[test]
    fn json_has_both_models_with_their_figures() {
        let value = comparison().json();
        assert_eq!(value["models"][0]["rungs"][1]["message"], "'(' was never closed");
        assert_eq!(value["models"][1]["interior_validity"], 1.0);
        assert_eq!((&value["a"], &value["path"]), (&"x = 1".into(), &"per-token".into()));
    }
}
