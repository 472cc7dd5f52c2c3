//! Runs side by side: the options in which they differ, and their figures at equal steps.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{history, RunSummary};
use crate::train::{Evaluation, Report, TrainError};

/// Steps at which runs are compared, at most.
const STEPS: usize = 10;

/// An option in which runs differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Its name, groups joined by dots: `noise.delete`.
    pub option: String,
    /// Its value in every run; `None` where a run has no such option.
    pub values: Vec<Option<Value>>,
}

/// A run's figures nearest to a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct At {
    /// The step of the evaluation.
    pub step: usize,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Evaluation,
}

/// The figures of several runs about one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// The step.
    pub step: usize,
    /// For every run its evaluation that is nearest to the step; `None` where it has none.
    pub runs: Vec<Option<At>>,
}

/// Every option of a configuration by its dotted name. Lists and values are leaves.
fn options(config: &Value) -> BTreeMap<String, Value> {
    fn fill(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(table) => {
                for (key, value) in table {
                    let dot = if prefix.is_empty() { "" } else { "." };
                    fill(&format!("{prefix}{dot}{key}"), value, into);
                }
            }
            Value::Null => {}
            leaf => {
                into.insert(prefix.to_owned(), leaf.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    fill("", config, &mut found);
    found
}

/// The options that are not the same in all configurations, by name.
#[must_use]
pub fn differences(configs: &[&Value]) -> Vec<Difference> {
    let all: Vec<BTreeMap<String, Value>> = configs.iter().map(|c| options(c)).collect();
    let mut names: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| Difference {
            option: name.clone(),
            values: all.iter().map(|options| options.get(name).cloned()).collect(),
        })
        .filter(|difference| difference.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

/// The figures of runs side by side: at up to ten of the evaluations of the run that was evaluated least, as far as all
/// of them went. Each run shows its evaluation nearest to that step.
///
/// # Errors
/// When a history cannot be read.
pub fn side_by_side(runs: &[RunSummary]) -> Result<Vec<Moment>, TrainError> {
    let mut histories: Vec<Vec<At>> = Vec::with_capacity(runs.len());
    for run in runs {
        let mut evaluations: Vec<At> = history(&run.folder)?
            .into_iter()
            .filter_map(|report| match report {
                Report::Evaluation { step, figures, .. } => Some(At { step, figures }),
                _ => None,
            })
            .collect();
        // Without its history a run still has its last figures.
        if let (true, Some(figures)) = (evaluations.is_empty(), &run.evaluation) {
            evaluations.push(At { step: run.step, figures: figures.clone() });
        }
        histories.push(evaluations);
    }
    Ok(moments(&histories))
}

fn moments(histories: &[Vec<At>]) -> Vec<Moment> {
    let measured = || histories.iter().filter(|h| !h.is_empty());
    let Some(fewest) = measured().min_by_key(|h| h.len()) else { return Vec::new() };
    let common = measured().filter_map(|h| h.last()).map(|at| at.step).min().unwrap_or(0);
    let mut steps: Vec<usize> = fewest.iter().map(|at| at.step).filter(|&s| s <= common).collect();
    // The last that all of them reached says most.
    steps.push(common);
    steps.sort_unstable();
    steps.dedup();
    let last = steps.len() - 1;
    let shown = STEPS.min(steps.len());
    let mut chosen: Vec<usize> =
        (0..shown).map(|i| steps[last - (shown - 1 - i) * last / (shown - 1).max(1)]).collect();
    chosen.dedup();
    chosen
        .into_iter()
        .map(|step| Moment {
            step,
            runs: histories
                .iter()
                .map(|h| h.iter().min_by_key(|at| at.step.abs_diff(step)).cloned())
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evaluations(steps: &[usize]) -> Vec<At> {
        let figures = |step| Evaluation { exact_match: step as f64 / 1e3, ..Evaluation::default() };
        steps.iter().map(|&step| At { step, figures: figures(step) }).collect()
    }

    #[test]
    fn only_options_that_differ_are_told_and_absent_ones_are_none() {
        let a = json!({"batch": 64, "noise": {"delete": 0.1, "mask": 0.0}, "blocks": [1, 1]});
        let b = json!({"batch": 64, "noise": {"delete": 0.2, "mask": 0.0}, "blocks": [1, 2]});
        let c = json!({"batch": 64, "noise": {"delete": 0.1, "mask": 0.0}, "blocks": [1, 1], "x": true});
        let found = differences(&[&a, &b, &c]);
        let names: Vec<&str> = found.iter().map(|d| d.option.as_str()).collect();
        assert_eq!(names, ["blocks", "noise.delete", "x"]);
        assert_eq!(found[1].values, [Some(json!(0.1)), Some(json!(0.2)), Some(json!(0.1))]);
        assert_eq!(found[2].values, [None, None, Some(json!(true))]);
        assert!(differences(&[&a, &a]).is_empty() && differences(&[&a]).is_empty());
    }

    #[test]
    fn runs_are_compared_as_far_as_all_went_each_at_its_nearest_evaluation() {
        let histories =
            [evaluations(&[90, 210, 290, 420]), evaluations(&[100, 200, 300]), evaluations(&[])];
        let found = moments(&histories);
        let steps: Vec<usize> = found.iter().map(|m| m.step).collect();
        assert_eq!(steps, [100, 200, 300]);
        let of = |run: usize| -> Vec<Option<usize>> {
            found.iter().map(|m| m.runs[run].as_ref().map(|at| at.step)).collect()
        };
        assert_eq!(of(0), [Some(90), Some(210), Some(290)]);
        assert_eq!(of(1), [Some(100), Some(200), Some(300)]);
        assert_eq!(of(2), [None, None, None]);
        assert!(moments(&[]).is_empty());
    }

    #[test]
    fn many_evaluations_are_thinned_to_ten_with_the_first_and_the_last() {
        let steps: Vec<usize> = (1..=137).map(|i| i * 10).collect();
        let found = moments(&[evaluations(&steps)]);
        assert_eq!(found.len(), STEPS);
        assert_eq!((found[0].step, found[STEPS - 1].step), (10, 1370));
        assert!(found.windows(2).all(|pair| pair[0].step < pair[1].step));
        assert_eq!(moments(&[evaluations(&[70])]).len(), 1);
    }
}
