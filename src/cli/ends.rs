//! Ends that are given on the command line: texts, samples of the model's domain, or files.

use anyhow::Context;

use crate::corpus::Example;
use crate::engine::LatentModel;

/// What an end's argument says; for help texts.
pub(super) const END_HELP: &str = "A text; `sample:N` for the domain's N-th sample from 0, `sample:random`, `sample:label=L` for a \
     random one of a label, `file:PATH` for what a file holds; `text:` before a text that begins in one of these ways. Where \
     it is not given, a random sample";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given<'a> {
    Text(&'a str),
    Sample(usize),
    Random,
    Label(&'a str),
    File(&'a str),
}

/// Reads an argument. Whatever is none of the known ways is a text, as it stands.
fn parse(argument: &str) -> Given<'_> {
    if let Some(rest) = argument.strip_prefix("text:") {
        if ["sample:", "file:", "text:"].iter().any(|way| rest.starts_with(way)) {
            return Given::Text(rest);
        }
    }
    if let Some(path) = argument.strip_prefix("file:") {
        return Given::File(path);
    }
    match argument.strip_prefix("sample:") {
        Some("random") => Given::Random,
        Some(rest) => match (rest.parse(), rest.strip_prefix("label=")) {
            (Ok(number), _) => Given::Sample(number),
            (_, Some(label)) => Given::Label(label),
            _ => Given::Text(argument),
        },
        None => Given::Text(argument),
    }
}

/// The texts of `N` ends, named by their letters. Random ones follow from the seed: two by two, A and B first.
///
/// # Errors
/// A sample or a label that the domain does not have, no samples to draw from, a file that cannot be read.
pub(super) fn ends<const N: usize>(
    model: &dyn LatentModel,
    given: [Option<&str>; N],
    seed: u64,
) -> anyhow::Result<[String; N]> {
    let samples = model.samples();
    let drawn: Vec<usize> = crate::eval::sample_pairs(samples.len(), N.div_ceil(2), seed)
        .into_iter()
        .flat_map(|(i, j)| [i, j])
        .collect();
    let mut texts = std::array::from_fn(|_| String::new());
    for (k, text) in texts.iter_mut().enumerate() {
        let name = char::from(b'A' + k as u8);
        let given = given[k].map_or(Given::Random, parse);
        *text = match given {
            Given::Text(text) => text.to_owned(),
            Given::File(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{name}: the file {path} cannot be read"))?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                line.strip_suffix('\r').unwrap_or(line).to_owned()
            }
            Given::Sample(number) => at(samples, number, name, &model.info().domain)?,
            Given::Random => {
                let number = drawn.get(k).with_context(|| {
                    format!(
                        "the domain {} has no samples to draw from: give the end {name}",
                        model.info().domain
                    )
                })?;
                samples[*number].text.clone()
            }
            Given::Label(label) => labelled(samples, label, seed.wrapping_add(k as u64), name)?,
        };
    }
    Ok(texts)
}

fn at(samples: &[Example], number: usize, name: char, domain: &str) -> anyhow::Result<String> {
    let sample = samples.get(number).with_context(|| match samples.len() {
        0 => format!("{name}: there is no sample {number}: the domain {domain} has none"),
        count => format!("{name}: there is no sample {number}: expected 0 to {}", count - 1),
    })?;
    Ok(sample.text.clone())
}

fn labelled(samples: &[Example], label: &str, seed: u64, name: char) -> anyhow::Result<String> {
    let of: Vec<&Example> =
        samples.iter().filter(|sample| sample.label.as_deref() == Some(label)).collect();
    // One of a pair, so that a single sample is drawn as well.
    let (drawn, _) =
        crate::eval::sample_pairs(of.len(), 1, seed).first().copied().unwrap_or_default();
    let sample = of.get(drawn).with_context(|| {
        let mut labels: Vec<&str> = samples.iter().filter_map(|s| s.label.as_deref()).collect();
        labels.sort_unstable();
        labels.dedup();
        match labels.as_slice() {
            [] => format!("{name}: the samples have no labels"),
            labels => {
                format!("{name}: no sample has the label `{label}`: expected {}", labels.join(", "))
            }
        }
    })?;
    Ok(sample.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_ways_are_no_texts() {
        for (argument, wanted) in [
            ("x = 1", Given::Text("x = 1")),
            ("sample:17", Given::Sample(17)),
            ("sample:random", Given::Random),
            ("sample:label=7", Given::Label("7")),
            ("sample: int", Given::Text("sample: int")),
            ("sample:int", Given::Text("sample:int")),
            ("file:a.txt", Given::File("a.txt")),
            ("text:sample:17", Given::Text("sample:17")),
            ("text:str = 1", Given::Text("text:str = 1")),
            ("text:text:", Given::Text("text:")),
            ("", Given::Text("")),
        ] {
            assert_eq!(parse(argument), wanted, "{argument}");
        }
    }
}
