//! `runs`: the runs below a folder as a table, or compared.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{json, Value};

use crate::engine::models_folder;
use crate::report::{columns, visible, Align};
use crate::train::runs::{
    differences, find_runs, side_by_side, Difference, FoundRuns, Moment, RunSummary,
};
use crate::train::Evaluation;

/// A figure: its heading and where it stands.
type Figure = (&'static str, fn(&Evaluation) -> f64);

/// The figures that are shown, in per cent.
const FIGURES: [Figure; 5] = [
    ("tokens", |e| e.token_accuracy),
    ("exact", |e| e.exact_match),
    ("valid", |e| e.interior_validity),
    ("copies", |e| e.copy_rate),
    ("blend", |e| e.blend_yield),
];

#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Runs, or folders that hold runs; by default the current folder and the folder of your models
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Look so many folders deep
    #[arg(long, default_value_t = 3)]
    depth: usize,
    /// Put the runs side by side: options in which they differ, figures at equal steps
    #[arg(long)]
    compare: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(args: &RunsArgs) -> anyhow::Result<ExitCode> {
    let found = find(args)?;
    let comparison = if args.compare { Some(Comparison::new(&found.runs)?) } else { None };
    if args.json {
        let mut document = json!({ "runs": found.runs, "broken": found.broken });
        if let Some(Comparison { options, figures }) = comparison {
            document["options"] = serde_json::to_value(options)?;
            document["figures"] = serde_json::to_value(figures)?;
        }
        println!("{document}");
        return Ok(ExitCode::SUCCESS);
    }
    for broken in &found.broken {
        eprintln!("passed over: {}", visible(&broken.message));
    }
    if found.runs.is_empty() {
        eprintln!("no run: a run's folder holds trainer.json or metrics.jsonl");
    } else if let Some(comparison) = comparison {
        print!("{}", comparison.page(&found.runs));
    } else {
        print!("{}", list(&found.runs));
    }
    Ok(ExitCode::SUCCESS)
}

/// The runs of all folders, each once.
fn find(args: &RunsArgs) -> anyhow::Result<FoundRuns> {
    let mut folders = args.folders.clone();
    for folder in &folders {
        anyhow::ensure!(folder.is_dir(), "{}: no such folder", folder.display());
    }
    if folders.is_empty() {
        folders.push(PathBuf::from("."));
        folders.extend(models_folder().filter(|folder| folder.is_dir()));
    }
    let mut all = FoundRuns::default();
    let mut seen = std::collections::BTreeSet::new();
    let mut is_new =
        |folder: &Path| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
    for folder in &folders {
        let found = find_runs(folder, args.depth);
        all.runs.extend(found.runs.into_iter().filter(|run| is_new(&run.folder)));
        all.broken.extend(found.broken.into_iter().filter(|run| is_new(&run.folder)));
    }
    Ok(all)
}

/// A share in per cent.
fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// An option's value as a configuration file has it.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_owned(), Value::to_string)
}

/// A line per run, and below each the options that are not its preset's.
fn list(runs: &[RunSummary]) -> String {
    let headings = ["name", "domain", "step", "minutes", "lines", "state"];
    let headings = headings.into_iter().chain(FIGURES.map(|(name, _)| name));
    let mut rows: Vec<Vec<String>> = vec![headings.map(str::to_owned).collect()];
    let mut align = [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right].to_vec();
    align.push(Align::Left);
    align.extend([Align::Right; FIGURES.len()]);
    for run in runs {
        let unknown = || "–".to_owned();
        let domain = if run.domain.is_empty() { unknown() } else { run.domain.clone() };
        let mut row: Vec<String> = vec![
            run.name.clone(),
            domain,
            run.step.to_string(),
            format!("{:.1}", run.seconds / 60.0),
            run.data_lines.map_or_else(unknown, |lines| lines.to_string()),
            run.state.to_string(),
        ];
        let figure = |of: fn(&Evaluation) -> f64| run.evaluation.as_ref().map(of).map(percent);
        row.extend(FIGURES.iter().map(|(_, of)| figure(*of).unwrap_or_else(unknown)));
        rows.push(row);
    }
    let table = columns(&rows, &align);
    let mut lines = table.lines();
    let mut out = String::new();
    out.extend(lines.next().map(|heading| format!("{heading}\n")));
    for (run, line) in runs.iter().zip(lines) {
        out += &format!("{line}\n");
        let folder = run.folder.display().to_string();
        out += &format!("  {}\n", visible(&folder));
        let changes = run.train_config().map(|config| config.changes()).unwrap_or_default();
        let changed: Vec<String> =
            changes.iter().map(|(option, value)| format!("{option} = {value}")).collect();
        if !changed.is_empty() {
            let preset = run.config["preset"].as_str().unwrap_or_default();
            out += &format!("  {preset}, but {}\n", visible(&changed.join(", ")));
        }
    }
    out + "\nFigures in per cent, on held-out lines; lines are those to train on.\n"
}

/// What is told of runs side by side.
struct Comparison {
    options: Vec<Difference>,
    figures: Vec<Moment>,
}

impl Comparison {
    fn new(runs: &[RunSummary]) -> anyhow::Result<Self> {
        let configs: Vec<&Value> = runs.iter().map(|run| &run.config).collect();
        Ok(Self { options: differences(&configs), figures: side_by_side(runs)? })
    }

    fn page(&self, runs: &[RunSummary]) -> String {
        let names = || runs.iter().map(|run| run.name.clone());
        let align = vec![Align::Right; runs.len() + 1];
        let heading = |first: &str| std::iter::once(first.to_owned()).chain(names()).collect();
        let mut out = String::new();
        if self.options.is_empty() {
            out += "The options are the same.\n";
        } else {
            let mut rows: Vec<Vec<String>> = vec![heading("option")];
            for Difference { option, values } in &self.options {
                let values = values.iter().map(|value| shown(value.as_ref()));
                rows.push(std::iter::once(option.clone()).chain(values).collect());
            }
            out += &columns(&rows, &[]);
        }
        for (name, of) in FIGURES {
            let mut rows: Vec<Vec<String>> = vec![heading("step")];
            for Moment { step, runs } in &self.figures {
                let cells = runs.iter().map(|at| match at {
                    Some(at) if at.step == *step => percent(of(&at.figures)),
                    Some(at) => format!("@{} {}", at.step, percent(of(&at.figures))),
                    None => "–".to_owned(),
                });
                rows.push(std::iter::once(step.to_string()).chain(cells).collect());
            }
            if rows.len() > 1 {
                out += &format!("\n{name}, %\n{}", columns(&rows, &align));
            }
        }
        out
    }
}
