//! Probes as Markdown tables: accuracies beside controls, and what is taken for what.

use unicode_width::UnicodeWidthStr;

use super::visible;
use crate::eval::probe::{Confusion, LinearFigures, Probe};
use crate::eval::Estimate;

/// Classes whose whole matrix is shown.
const WHOLE: usize = 12;
/// Confusions that are shown of more classes.
const LARGEST: usize = 20;

/// A Markdown table of a probe's accuracies with their 95 % intervals.
#[must_use]
pub fn probe_table(probe: &Probe) -> String {
    let head = ["classifier", "accuracy", "fitted on", "tested on", "settings"];
    let row = |name: &str, accuracy: Estimate, (train, test): (usize, usize), settings: String| {
        vec![name.to_owned(), share(accuracy), train.to_string(), test.to_string(), settings]
    };
    let linear = |name: &str, figures: &LinearFigures, what: &str| {
        let sizes = (figures.train, figures.test);
        let settings = format!("C = {}, {} {what}", figures.c, figures.features);
        row(name, figures.accuracy, sizes, settings)
    };
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.push(linear("latents, linear SVM", &probe.linear_svm, "numbers"));
    let rbf = &probe.rbf_svm;
    let settings = format!(
        "C = {}, γ = {:.2e}, {} splits ± {:.1} %",
        rbf.c,
        rbf.gamma,
        rbf.splits.len(),
        100.0 * rbf.deviation
    );
    rows.push(row("latents, RBF SVM", rbf.accuracy, (rbf.train, rbf.test), settings));
    if let Some(words) = &probe.tfidf_linear_svm {
        rows.push(linear("TF-IDF, linear SVM", words, "words"));
    }
    let majority = &probe.majority;
    let settings = format!("always `{}`", cell(&majority.class));
    rows.push(row("majority", majority.accuracy, (majority.train, majority.test), settings));
    table(&rows)
}

/// A Markdown table of the linear machine's confusions: all of them for a few classes, else the most frequent.
#[must_use]
pub fn confusion_table(confusion: &Confusion) -> String {
    let Confusion { classes, matrix } = confusion;
    let mut rows;
    if classes.len() <= WHOLE {
        rows = vec![vec!["is \\ taken for".to_owned()]];
        rows[0].extend(classes.iter().map(|class| cell(class)));
        rows[0].push("right".to_owned());
        for (class, counts) in matrix.iter().enumerate() {
            let mut row = vec![cell(&classes[class])];
            row.extend(counts.iter().map(|&n| if n == 0 { "·".to_owned() } else { n.to_string() }));
            row.push(part(counts[class], confusion.items(class)));
            rows.push(row);
        }
    } else {
        rows = vec![["is", "taken for", "times", "of its items"].map(str::to_owned).to_vec()];
        for (class, given, n) in confusion.largest(LARGEST) {
            let of = part(n, confusion.items(class));
            rows.push(vec![cell(&classes[class]), cell(&classes[given]), n.to_string(), of]);
        }
    }
    table(&rows)
}

/// A class's name in a cell of a table.
fn cell(name: &str) -> String {
    visible(name).replace('|', "\\|")
}

fn part(of: usize, all: usize) -> String {
    if all == 0 {
        return String::new();
    }
    format!("{:.0} %", 100.0 * of as f64 / all as f64)
}

fn share(estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    format!("{:.1} % ({:.1} … {:.1})", 100.0 * value, 100.0 * low, 100.0 * high)
}

/// Rows as Markdown, the first of them the head.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: Vec<String>| out.push_str(&format!("| {} |\n", cells.join(" | ")));
    for (i, row) in rows.iter().enumerate() {
        let padded = row.iter().zip(&widths);
        line(padded.map(|(cell, &w)| format!("{cell}{}", " ".repeat(w - cell.width()))).collect());
        if i == 0 {
            line(widths.iter().map(|&width| "-".repeat(width)).collect());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::probe::{MajorityFigures, RbfFigures};

    fn made(classes: &[&str], matrix: Vec<Vec<usize>>) -> Probe {
        let accuracy = Estimate { value: 0.75, low: 0.5, high: 1.0 };
        let linear = LinearFigures { accuracy, train: 70, test: 30, features: 128, c: 0.01 };
        Probe {
            rbf_svm: RbfFigures {
                accuracy,
                train: 70,
                test: 30,
                seeds: vec![0, 1],
                splits: vec![0.7, 0.8],
                deviation: 0.0707,
                c: 1.0,
                gamma: 0.0125,
            },
            majority: MajorityFigures { accuracy, train: 70, test: 30, class: "a|b\u{1b}".into() },
            tfidf_linear_svm: Some(LinearFigures { features: 2000, c: 1.0, ..linear.clone() }),
            linear_svm: linear,
            share_of_tfidf: Some(accuracy),
            confusion: Confusion { classes: classes.iter().map(|&c| c.into()).collect(), matrix },
        }
    }

    #[test]
    fn accuracies_stand_beside_their_controls() {
        let probe = made(&["a", "b"], vec![vec![1, 0], vec![0, 1]]);
        let table = probe_table(&probe);
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.split(" | ").map(str::trim).collect()).collect();
        let wanted = [
            ["| latents, linear SVM", "70", "30", "C = 0.01, 128 numbers"],
            ["| latents, RBF SVM", "70", "30", "C = 1, γ = 1.25e-2, 2 splits ± 7.1 %"],
            ["| TF-IDF, linear SVM", "70", "30", "C = 1, 2000 words"],
            ["| majority", "70", "30", "always `a\\|b␛`"],
        ];
        for (row, wanted) in rows[2..].iter().zip(&wanted) {
            assert_eq!([row[0], row[2], row[3], row[4].trim_end_matches('|').trim()], *wanted);
            assert_eq!(row[1], "75.0 % (50.0 … 100.0)");
        }
        assert_eq!(rows.len(), 6);
    }

    #[test]
    fn few_classes_show_all_and_many_the_largest() {
        let few = made(&["a|b", "c"], vec![vec![3, 1], vec![0, 0]]);
        assert_eq!(
            confusion_table(&few.confusion),
            "\
| is \\ taken for | a\\|b | c | right |
| -------------- | ---- | - | ----- |
| a\\|b           | 3    | 1 | 75 %  |
| c              | ·    | · |       |
"
        );
        let names: Vec<String> = (0..13).map(|i| format!("n{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut matrix = vec![vec![0; 13]; 13];
        (matrix[0][0], matrix[0][1], matrix[5][7]) = (2, 1, 4);
        assert_eq!(
            confusion_table(&made(&names, matrix).confusion),
            "\
| is | taken for | times | of its items |
| -- | --------- | ----- | ------------ |
| n5 | n7        | 4     | 100 %        |
| n0 | n1        | 1     | 33 %         |
"
        );
    }
}
