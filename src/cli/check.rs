//! `check`: lines on standard input, a verdict per line on standard output.

use std::io::{BufRead, BufWriter, Write};
use std::process::ExitCode;

use clap::Args;

use crate::domain::{domain, Domain, Verdict};
use crate::report::{verdict_json, visible};

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What kind of sequences the lines are: python, mnist (each a JSON string), headlines or text
    #[arg(long, short, default_value = "python")]
    domain: String,
    /// One JSON object per line: {"valid": true} or {"valid": false, "line", "column", "message"}
    #[arg(long)]
    json: bool,
}

/// Lines judged together by all cores; large enough to keep them busy, small enough to stream.
const BLOCK: usize = 8192;

pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let domain = domain(&args.domain)?;
    let mut input = std::io::stdin().lock();
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut block: Vec<String> = Vec::with_capacity(BLOCK);
    loop {
        let ended = !read_block(&mut input, domain.name() == "mnist", &mut block)?;
        for (text, verdict) in block.iter().zip(judge(domain, &block)) {
            if args.json {
                serde_json::to_writer(&mut out, &verdict_json(&verdict))?;
                out.write_all(b"\n")?;
            } else {
                match verdict {
                    Verdict::Valid => writeln!(out, "✓ {}", visible(text))?,
                    Verdict::Unlike(why) => writeln!(out, "~ {}  ({why})", visible(text))?,
                    Verdict::Invalid { line, column, message } => {
                        let message = visible(&message);
                        writeln!(out, "✗ {}  ({line}:{column} {message})", visible(text))?;
                    }
                }
            }
        }
        if ended {
            out.flush()?;
            return Ok(ExitCode::SUCCESS);
        }
        block.clear();
    }
}

/// Fills `block`; `false` at the end of the input. Bytes that are not UTF-8 become U+FFFD and so are judged, not fatal.
fn read_block(
    input: &mut impl BufRead,
    several_lines: bool,
    block: &mut Vec<String>,
) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    while block.len() < BLOCK {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(false);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let line = String::from_utf8_lossy(&bytes);
        // A digit has many lines: as one line of input it is a JSON string.
        let text = if several_lines { serde_json::from_str(&line).ok() } else { None };
        block.push(text.unwrap_or_else(|| line.into_owned()));
    }
    Ok(true)
}

/// Verdicts in the order of the lines, from every core.
fn judge(domain: &dyn Domain, lines: &[String]) -> Vec<Verdict> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = lines.len().div_ceil(cores).max(256);
    std::thread::scope(|scope| {
        let workers: Vec<_> = lines
            .chunks(share)
            .map(|part| {
                scope.spawn(move || part.iter().map(|t| domain.verdict(t)).collect::<Vec<_>>())
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
