//! A judgement as a page of Markdown, and two of them side by side.

use serde_json::json;

use super::{document, machine};
use crate::domain::{domain, Picture};
use crate::engine::evaluate::{Controls, Credibility, Judgement, ShownLadder};
use crate::eval::Estimates;
use crate::report::{figures_table, pictures_block, probe_table, rungs_block, FigureColumn};

/// Accuracy on real digits below which a classifier's word is weak evidence.
const RELIABLE: f64 = 0.98;

fn heading(found: &Judgement, data: &str, seconds: f64) -> String {
    let machine = machine();
    format!(
        "{} pairs and {} lines of {data}, seed {}, {} decoding, path {}; {seconds:.0} s on {} cores ({})\n\n",
        found.pairs,
        found.lines,
        found.seed,
        found.decoding,
        found.path,
        machine["cores"],
        machine["kernels"].as_str().unwrap_or_default(),
    )
}

pub(super) fn page(found: &Judgement, data: &str, seconds: f64) -> String {
    let mut out = format!(
        "# {}\n\n{} parameters. {}",
        found.model,
        found.parameters,
        heading(found, data, seconds)
    );
    out += &figures_table(&[FigureColumn { heading: "model", figures: &[&found.reconstruction] }]);
    if let Some(consistency) = &found.direction_consistency {
        out += "\n## The same digit read downward and upward\n\n";
        let names = ["mean_absolute_difference", "cosine"].map(|name| (name, name));
        let others = [
            ("other_mean_absolute_difference", "mean_absolute_difference"),
            ("other_cosine", "cosine"),
        ];
        out += &figures_table(&[
            FigureColumn { heading: "one digit", figures: &[&consistency.renamed(&names)] },
            FigureColumn { heading: "two digits", figures: &[&consistency.renamed(&others)] },
        ]);
        out += "\n## Ladders\n";
    }
    out += "\n";
    let Controls { copy, splice, cross_fade, no_latent } = &found.controls;
    let own = [&found.interpolation];
    let mut columns = vec![FigureColumn { heading: "model", figures: &own }];
    let controls = [
        ("copy", Some(copy)),
        ("splice", splice.as_ref()),
        ("cross-fade", cross_fade.as_ref()),
        ("no latent", Some(no_latent)),
    ];
    let controls: Vec<(&str, [&Estimates; 1])> =
        controls.into_iter().filter_map(|(heading, c)| Some((heading, [c?]))).collect();
    columns.extend(controls.iter().map(|(heading, figures)| FigureColumn { heading, figures }));
    out += &figures_table(&columns);
    if let Some(credibility) = &found.credibility {
        out += &credible(credibility);
    }
    if let Some(probe) = &found.probe {
        out += "\n## How well labels can be read from latents\n\n";
        out += &probe_table(probe);
    }
    let headings: Vec<String> =
        found.strata.iter().map(|s| format!("{} ({})", s.pairs_with, s.pairs)).collect();
    let each: Vec<[&Estimates; 1]> = found.strata.iter().map(|s| [&s.interpolation]).collect();
    let columns: Vec<FigureColumn<'_>> = headings
        .iter()
        .zip(&each)
        .map(|(heading, figures)| FigureColumn { heading, figures })
        .collect();
    if !columns.is_empty() {
        out += match found.direction_consistency {
            Some(_) => "\n## By class and by whether both ends are credible\n\n",
            None => "\n## By length and by whether both ends are exact\n\n",
        };
        out += &figures_table(&columns);
    }
    if !found.paths.is_empty() {
        let taken: Vec<String> =
            found.paths.iter().map(|(path, pairs)| format!("{path} {pairs}")).collect();
        out += &format!("\nPaths taken: {}.\n", taken.join(", "));
    }
    out += "\n## Random ladders\n";
    let judged_by = domain(&found.domain).ok();
    for ladder in &found.ladders {
        match drawn(found, ladder) {
            Some(block) => out += &format!("\n{}\n\n{block}", ladder.path),
            None => {
                out += &format!("\nA `{}`, B `{}` ({})\n\n", ladder.a, ladder.b, ladder.path);
                out += &rungs_block(&ladder.rungs, &ladder.valid, judged_by);
            }
        }
    }
    out
}

/// A ladder's pictures between those of its ends, with what the classifier takes each for.
fn drawn(found: &Judgement, ladder: &ShownLadder) -> Option<String> {
    let domain = domain(&found.domain).ok()?;
    let texts = std::iter::once(&ladder.a).chain(&ladder.rungs).chain([&ladder.b]);
    let pictures: Vec<Picture> = texts.map(|text| domain.picture(text)).collect::<Option<_>>()?;
    let said = ladder.opinions.iter().map(|o| format!("{} {:.2}", o.class, o.probability));
    let mut captions: Vec<String> = std::iter::once("A".to_owned()).chain(said).collect();
    captions.resize(pictures.len() - 1, String::new());
    captions.push("B".to_owned());
    Some(pictures_block(&pictures, &captions))
}

/// The classifier's figures, and what it is.
fn credible(found: &Credibility) -> String {
    let same = |from: [&'static str; 5]| {
        let names = ["credible", "third_class", "same_class_kept", "switches_once", "nearest"];
        let names: Vec<(&str, &'static str)> = from.into_iter().zip(names).collect();
        found.figures.renamed(&names)
    };
    let model =
        same(["interior", "third_class", "same_class_kept", "switches_once", "nearest_interior"]);
    let cross_fade = same([
        "cross_fade",
        "cross_fade_third_class",
        "cross_fade_same_class_kept",
        "cross_fade_switches_once",
        "nearest_cross_fade",
    ]);
    let real = found.figures.renamed(&[("real", "credible"), ("nearest_real", "nearest")]);
    let samples = found.figures.renamed(&[("samples", "credible"), ("nearest_samples", "nearest")]);
    let accuracy = found.figures.get("classifier_accuracy").map_or(0.0, |accuracy| accuracy.value);
    let mut out = format!(
        "\n## Whether it is a digit\n\nA classifier trained on {} digits of {} puts {:.2} % of the judged digits in their class. \
         Credible is what it takes for one digit with p ≥ {}. Samples: {} draws from {}.{}\n\n",
        found.known,
        found.known_from,
        100.0 * accuracy,
        found.threshold,
        found.drawn,
        found.drawn_from,
        if accuracy < RELIABLE { " Below 98 % its word is weak evidence." } else { "" },
    );
    out += &figures_table(&[
        FigureColumn { heading: "model", figures: &[&model] },
        FigureColumn { heading: "cross-fade", figures: &[&cross_fade] },
        FigureColumn { heading: "real digits", figures: &[&real] },
        FigureColumn { heading: "samples", figures: &[&samples] },
    ]);
    out
}

/// What the second of two models has more than the first.
pub(super) struct Differences {
    reconstruction: Estimates,
    interpolation: Estimates,
    /// Of digits: by the classifier.
    credibility: Option<Estimates>,
}

impl Differences {
    pub(super) fn new(a: &Judgement, b: &Judgement, seed: u64) -> Self {
        Self {
            reconstruction: Estimates::of_differences(&a.line_figures, &b.line_figures, seed),
            interpolation: Estimates::of_differences(&a.figures, &b.figures, seed),
            credibility: (a.credibility.is_some() && b.credibility.is_some())
                .then(|| Estimates::of_differences(&a.seen_figures, &b.seen_figures, seed)),
        }
    }

    pub(super) fn json(
        &self,
        a: &Judgement,
        b: &Judgement,
        data: &str,
        seconds: f64,
    ) -> anyhow::Result<serde_json::Value> {
        let mut out = json!({
            "a": document(a, data, seconds)?,
            "b": document(b, data, seconds)?,
            "difference": {
                "reconstruction": self.reconstruction,
                "interpolation": self.interpolation,
            },
        });
        if let Some(credibility) = &self.credibility {
            out["difference"]["credibility"] = serde_json::to_value(credibility)?;
        }
        Ok(out)
    }

    pub(super) fn page(&self, a: &Judgement, b: &Judgement, data: &str, seconds: f64) -> String {
        let table = |of_a: &Estimates, of_b: &Estimates, difference: &Estimates| {
            figures_table(&[
                FigureColumn { heading: &format!("A {}", a.model), figures: &[of_a] },
                FigureColumn { heading: &format!("B {}", b.model), figures: &[of_b] },
                FigureColumn { heading: "B − A", figures: &[difference] },
            ])
        };
        let mut out = format!("# {} and {}\n\n{}", a.model, b.model, heading(a, data, seconds));
        out += &table(&a.reconstruction, &b.reconstruction, &self.reconstruction);
        out += "\n";
        out += &table(&a.interpolation, &b.interpolation, &self.interpolation);
        if let (Some(of_a), Some(of_b), Some(difference)) =
            (&a.credibility, &b.credibility, &self.credibility)
        {
            out += "\n";
            out += &table(&of_a.figures, &of_b.figures, difference);
        }
        out
    }
}
