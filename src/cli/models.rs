//! `models`: the models that there are, and changes of the folder of models.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::engine::{models_folder, Figures, Library, LibraryChange, ModelEntry};
use crate::report::{bytes, count, date, visible};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArgs {
    #[command(subcommand)]
    change: Option<Change>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Give a model of the folder of models another name
    Rename {
        /// Its name
        model: String,
        /// The new name
        name: String,
    },
    /// Copy a model, of any kind, into the folder of models
    Duplicate {
        /// Its name, RUN/SNAPSHOT, or a model folder
        model: String,
        /// The copy's name
        name: String,
    },
    /// Delete a model of the folder of models from the disk
    Delete {
        /// Its name
        model: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// The models of this person, and the runs in the current folder.
pub(super) fn library() -> Library {
    Library::new(models_folder(), std::env::current_dir().ok())
}

pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let library = library();
    let change = match &args.change {
        None => {
            list(&library, args.json);
            return Ok(ExitCode::SUCCESS);
        }
        Some(Change::Rename { model, name }) => {
            LibraryChange::Rename { from: model.clone(), to: name.clone() }
        }
        Some(Change::Duplicate { model, name }) => {
            LibraryChange::Duplicate { from: model.clone(), to: name.clone() }
        }
        Some(Change::Delete { model, yes }) => {
            library.own_folder(model)?;
            if !yes && !is_confirmed(&library.find(model)?)? {
                eprintln!("not deleted");
                return Ok(ExitCode::FAILURE);
            }
            LibraryChange::Delete(model.clone())
        }
    };
    let done = library.change(&change)?;
    eprintln!("{}", visible(&done));
    Ok(ExitCode::SUCCESS)
}

/// Asks for the model's name once more.
fn is_confirmed(entry: &ModelEntry) -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "there is no terminal to ask on: add --yes to delete {}",
        visible(&entry.full_name())
    );
    let place = entry.folder.as_deref().map(|folder| folder.display().to_string());
    eprint!(
        "delete {}, {} in {}? Type its name: ",
        visible(&entry.name),
        bytes(entry.bytes),
        visible(&place.unwrap_or_default())
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(answer.trim() == entry.name)
}

fn list(library: &Library, as_json: bool) {
    let entries = library.list();
    if as_json {
        println!("{}", json!({ "folder": library.folder(), "models": entries }));
        return;
    }
    print!("{}", table(&entries));
    for entry in &entries {
        if let Some(problem) = &entry.problem {
            eprintln!("{}: {}", visible(&entry.full_name()), visible(problem));
        }
    }
    if let Some(folder) = library.folder() {
        eprintln!("the folder of models is {}", visible(&folder.display().to_string()));
    }
}

/// A model a row; figures in percent.
fn table(entries: &[ModelEntry]) -> String {
    const HEAD: [&str; 11] = [
        "name", "kind", "domain", "numbers", "size", "saved", "tokens", "exact", "valid", "copy",
        "blend",
    ];
    let mut rows = vec![HEAD.map(str::to_owned)];
    for entry in entries {
        let percent = |of: fn(&Figures) -> f64| {
            entry
                .figures()
                .map_or_else(String::new, |figures| format!("{:.1}", 100.0 * of(figures)))
        };
        rows.push([
            visible(&entry.full_name()).into_owned(),
            entry.kind.name().to_owned(),
            visible(&entry.domain).into_owned(),
            entry.parameters.map(count).unwrap_or_default(),
            bytes(entry.bytes),
            entry.saved.map(date).unwrap_or_default(),
            percent(|f| f.token_accuracy),
            percent(|f| f.exact_match),
            percent(|f| f.interior_validity),
            percent(|f| f.copy_rate),
            percent(|f| f.blend_yield),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
