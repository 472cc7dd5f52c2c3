//! Data sets and models of the hub, against a small server on loopback: files are chosen, downloaded, taken up after a
//! break, found again without a network, and every refusal says what to do.

mod hub_server;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use hub_server::{HubServer, Refusal};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tvae_tui::corpus::hub::{Hub, HubError, HubName, News, Split};
use tvae_tui::corpus::{read_hub, Corpus, CorpusError, ReadOptions};
use tvae_tui::domain::domain;
use tvae_tui::model::TransformerVae;
use tvae_tui::train::{Preset, TrainConfig};

/// A parquet file with a column `line` of these strings.
fn parquet_of(lines: &[String]) -> Vec<u8> {
    let schema = parse_message_type("message m { REQUIRED BYTE_ARRAY line (UTF8); }");
    let mut bytes = Vec::new();
    let schema = Arc::new(schema.expect("schema"));
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).expect("writer");
    let mut group = writer.next_row_group().expect("group");
    let mut column = group.next_column().expect("column").expect("line");
    let values: Vec<ByteArray> = lines.iter().map(|l| ByteArray::from(l.as_str())).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("values");
    column.close().expect("column");
    group.close().expect("group");
    writer.close().expect("file");
    bytes
}

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|i| format!("value_{i} = load({})", i * i)).collect()
}

/// Two train shards, one for validation, and things that are no data.
fn lines_of_python(server: &HubServer) {
    server.add("datasets/some/lines", "README.md", b"# Lines");
    for (file, (from, to)) in [
        ("data/train-00000-of-00002.parquet", (0, 200)),
        ("data/train-00001-of-00002.parquet", (200, 300)),
        ("data/validation-00000-of-00001.parquet", (300, 350)),
    ] {
        server.add("datasets/some/lines", file, &parquet_of(&lines(from, to)));
    }
}

struct Setting {
    server: HubServer,
    cache: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        Self { server: HubServer::start(), cache: tempfile::tempdir().expect("folder") }
    }

    fn hub(&self) -> Hub {
        self.hub_with(None)
    }

    fn hub_with(&self, token: Option<&str>) -> Hub {
        let cache = self.cache.path().join("hub");
        Hub::new(cache, &self.server.endpoint(), token.map(str::to_owned))
            .expect("a hub")
            .with_patience(Duration::from_millis(1))
    }

    fn offline(&self) -> Hub {
        Hub::offline(self.cache.path().join("hub"))
    }

    /// The program with this server as its hub.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
        for variable in ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE"] {
            command.env_remove(variable);
        }
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("HF_ENDPOINT", self.server.endpoint()).env("HF_HOME", self.cache.path());
        command
    }
}

fn name(text: &str) -> HubName {
    text.parse().expect("a name")
}

fn read(hub: &Hub, text: &str, split: Split, limit: Option<usize>) -> Result<Corpus, CorpusError> {
    let options = ReadOptions { limit, ..ReadOptions::default() };
    read_hub(hub, &name(text), split, &options, &mut |_| ControlFlow::Continue(()))
}

fn texts(corpus: Corpus) -> Vec<String> {
    corpus.examples.into_iter().map(|e| e.text).collect()
}

#[test]
fn splits_are_read_in_order_and_no_more_files_than_are_needed() {
    let setting = Setting::new();
    lines_of_python(&setting.server);
    let hub = setting.hub();
    let some = read(&hub, "hf:some/lines", Split::Train, Some(150)).expect("read");
    assert_eq!(texts(some), lines(0, 150));
    let asked = setting.server.downloads();
    assert_eq!(asked, ["data/train-00000-of-00002.parquet"], "one shard holds enough");
    let all = read(&hub, "hf:some/lines:line", Split::Train, None).expect("read");
    assert_eq!(texts(all), lines(0, 300));
    let held_out = read(&hub, "hf:some/lines", Split::HeldOut, None).expect("read");
    assert_eq!(texts(held_out), lines(300, 350));
    assert_eq!(setting.server.downloads().len(), 3, "nothing is downloaded twice");
    // The layout is the one that other programs use.
    let repository = setting.cache.path().join("hub/datasets--some--lines");
    let commit = std::fs::read_to_string(repository.join("refs/main")).expect("the reference");
    let file = repository.join("snapshots").join(commit).join("data/train-00000-of-00002.parquet");
    assert!(file.is_file());
}

#[test]
fn lines_as_json_csv_and_text_and_files_that_would_lead_elsewhere() {
    let setting = Setting::new();
    let server = &setting.server;
    server.add("datasets/a/json", "all.jsonl", b"{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
    server.add("datasets/a/json", "../../../escape.jsonl", b"{\"text\": \"bad\"}\n");
    // Many data sets call lines of JSON plain .json.
    server.add("datasets/b/json", "train.json", b"{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
    server.add("datasets/c/csv", "csv/train.csv", b"id,text\n1,one\n2,two\n");
    server.add("datasets/c/csv", "csv/test.csv", b"id,text\n1,three\n");
    server.add("datasets/d/txt", "all.txt", b"one\ntwo\n");
    let hub = setting.hub();
    for source in ["hf:a/json", "hf:b/json", "hf:c/csv", "hf:c/csv/csv", "hf:d/txt", "hf:c/csv:1"] {
        let corpus = read(&hub, source, Split::Train, None).expect(source);
        assert_eq!(texts(corpus), ["one", "two"], "{source}");
    }
    let corpus = read(&hub, "hf:c/csv/csv/test.csv", Split::Train, None).expect("named in full");
    assert_eq!(texts(corpus), ["three"]);
    assert!(!setting.cache.path().join("escape.jsonl").exists());
}

#[test]
fn a_download_that_breaks_off_is_taken_up_where_it_was() {
    let setting = Setting::new();
    let text: String = (0..20_000).map(|i| format!("line number {i}\n")).collect();
    setting.server.add("datasets/a/b", "all.txt", text.as_bytes());
    // Two breaks are waited out.
    setting.server.break_after("all.txt", &[100_000, 50_000]);
    let mut told = Vec::new();
    let corpus = read_hub(
        &setting.hub(),
        &name("hf:a/b"),
        Split::Train,
        &ReadOptions::default(),
        &mut |news| {
            told.push(news.clone());
            ControlFlow::Continue(())
        },
    );
    assert_eq!(corpus.expect("read").examples.len(), 20_000);
    let starts = setting.server.starts("all.txt");
    assert_eq!(starts[0], 0);
    assert!(starts.len() == 3 && starts.windows(2).all(|w| w[0] < w[1]), "{starts:?}");
    let last = told.last().expect("news");
    let News::File(download) = last else { panic!("{last:?}") };
    assert_eq!((download.done, download.total), (text.len() as u64, text.len() as u64));
    assert_eq!((download.number, download.file.as_str()), ((1, 1), "hf:a/b/all.txt"));

    // More than are waited out: the error says so, and the next run goes on.
    setting.server.add("datasets/a/c", "more.txt", text.as_bytes());
    setting.server.break_after("more.txt", &[40_000; 5]);
    let error = read(&setting.hub(), "hf:a/c", Split::Train, None).expect_err("broken off");
    assert!(error.to_string().contains("goes on from there"), "{error}");
    let corpus = read(&setting.hub(), "hf:a/c", Split::Train, None).expect("taken up");
    assert_eq!(corpus.examples.len(), 20_000);
    let starts = setting.server.starts("more.txt");
    assert!(starts.len() == 6 && starts.windows(2).all(|w| w[0] < w[1]), "{starts:?}");
}

#[test]
fn a_download_stops_when_it_is_asked_to_and_keeps_what_has_arrived() {
    let setting = Setting::new();
    let text: String = (0..100_000).map(|i| format!("line number {i}\n")).collect();
    setting.server.add("datasets/a/b", "all.txt", text.as_bytes());
    let stop = |news: &News| match news {
        News::File(download) if download.done > 200_000 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let options = ReadOptions::default();
    let hub = setting.hub();
    let stopped = read_hub(&hub, &name("hf:a/b"), Split::Train, &options, &mut { stop });
    let stopped = stopped.expect_err("stopped");
    assert!(matches!(stopped, CorpusError::Hub(HubError::Stopped(_))), "{stopped}");
    let corpus = read(&hub, "hf:a/b", Split::Train, None).expect("read");
    assert_eq!(corpus.examples.len(), 100_000);
    let starts = setting.server.starts("all.txt");
    assert!(starts.len() == 2 && starts[1] > 200_000, "{starts:?}");
}

#[test]
fn a_server_that_cannot_go_on_in_the_middle_costs_time_but_no_bytes() {
    let setting = Setting::new();
    let text: String = (0..5_000).map(|i| format!("line number {i}\n")).collect();
    setting.server.add("datasets/a/b", "all.txt", text.as_bytes());
    setting.server.break_after("all.txt", &[30_000]);
    setting.server.ignore_ranges();
    let corpus = read(&setting.hub(), "hf:a/b", Split::Train, None).expect("read");
    assert_eq!(corpus.examples.len(), 5_000);
    assert_eq!(corpus.examples[4_999].text, "line number 4999");
}

#[test]
fn what_is_cached_needs_no_network_and_a_part_is_not_taken_for_all() {
    let mut setting = Setting::new();
    lines_of_python(&setting.server);
    let first = read(&setting.hub(), "hf:some/lines", Split::Train, Some(10)).expect("read");
    assert_eq!(first.examples.len(), 10);
    setting.server.stop();
    let mut news = Vec::new();
    let options = ReadOptions { limit: Some(120), ..ReadOptions::default() };
    let listener = &mut |n: &News| {
        news.push(n.clone());
        ControlFlow::Continue(())
    };
    let hub = setting.hub();
    let corpus = read_hub(&hub, &name("hf:some/lines"), Split::Train, &options, listener);
    assert_eq!(texts(corpus.expect("cached")), lines(0, 120));
    assert!(matches!(&news[..], [News::Offline(why)] if why.contains("cannot be reached")));
    for hub in [setting.hub(), setting.offline()] {
        for split in [Split::Train, Split::HeldOut] {
            let error = read(&hub, "hf:some/lines", split, None).expect_err("not cached");
            assert!(matches!(error, CorpusError::Hub(HubError::Offline { .. })), "{error}");
            let error = error.to_string();
            let missing = if split == Split::Train { "train-00001" } else { "validation-00000" };
            assert!(error.contains(missing), "{error}");
        }
        let error = read(&hub, "hf:never/seen", Split::Train, None).expect_err("not cached");
        assert!(error.to_string().contains("lacks the whole repository"), "{error}");
    }
}

#[test]
fn two_at_once_share_one_download() {
    let setting = Setting::new();
    let text: String = (0..200_000).map(|i| format!("line number {i}\n")).collect();
    setting.server.add("datasets/a/b", "all.txt", text.as_bytes());
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| read(&setting.hub(), "hf:a/b", Split::Train, None)))
            .collect();
        for reader in readers {
            let corpus = reader.join().expect("no panic").expect("read");
            assert_eq!(corpus.examples.len(), 200_000);
        }
    });
    assert_eq!(setting.server.downloads(), ["all.txt"]);
}

#[test]
fn a_new_commit_downloads_only_what_is_new() {
    let setting = Setting::new();
    setting.server.add("datasets/a/b", "train-0.txt", b"one\n");
    assert_eq!(read(&setting.hub(), "hf:a/b", Split::Train, None).expect("read").report.kept, 1);
    setting.server.add("datasets/a/b", "train-1.txt", b"two\n");
    let corpus = read(&setting.hub(), "hf:a/b", Split::Train, None).expect("read");
    assert_eq!(texts(corpus), ["one", "two"]);
    assert_eq!(setting.server.downloads(), ["train-0.txt", "train-1.txt"]);
}

#[test]
fn refusals_say_what_to_do() {
    let setting = Setting::new();
    let server = &setting.server;
    server.add("datasets/o/open", "all.csv", b"id,line\n1,one\n");
    server.add("datasets/o/private", "all.txt", b"secret\n");
    server.refuse("datasets/o/private", Refusal::Private("right"));
    server.add("datasets/o/gated", "all.txt", b"secret\n");
    server.refuse("datasets/o/gated", Refusal::Gated);
    let told = |source: &str, token: Option<&str>| {
        let error = read(&setting.hub_with(token), source, Split::Train, None);
        error.expect_err(source).to_string()
    };
    let missing = told("hf:o/missing", None);
    assert!(missing.contains("no such repository") && missing.contains("HF_TOKEN"), "{missing}");
    let private = told("hf:o/private", Some("wrong"));
    assert!(private.contains("private") && private.contains("HF_TOKEN"), "{private}");
    let corpus = read(&setting.hub_with(Some("right")), "hf:o/private", Split::Train, None);
    assert_eq!(texts(corpus.expect("the right token")), ["secret"]);
    let gated = told("hf:o/gated", None);
    assert!(gated.contains("accept the terms") && gated.contains("HF_TOKEN"), "{gated}");
    let revision = told("hf:o/open@v9", None);
    assert!(revision.contains("no revision `v9`"), "{revision}");
    let column = told("hf:o/open:words", None);
    assert!(column.contains("`words`") && column.contains("id, line"), "{column}");
}

/// A folder of a model that was never trained.
fn write_model(dir: &Path) {
    let config = TrainConfig {
        d_model: 32,
        heads: 2,
        d_ff: 64,
        latent_tokens: 2,
        latent_size: 8,
        ..TrainConfig::preset(Preset::Tiny, "python")
    };
    let lines = lines(0, 200);
    let python = domain("python").expect("python");
    let codec = python.train_codec(&mut lines.iter().map(String::as_str), 300).expect("codec");
    let shape = config.model_config(codec.vocab_size()).expect("shape");
    let model = TransformerVae::new(shape, 0, &candle_core::Device::Cpu).expect("model");
    model.save(dir, candle_core::DType::F32).expect("saved");
    codec.save(&dir.join("tokenizer.json")).expect("saved");
}

#[test]
fn models_open_by_name_with_a_network_and_without() {
    let mut setting = Setting::new();
    let dir = tempfile::tempdir().expect("folder");
    write_model(dir.path());
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        let bytes = std::fs::read(dir.path().join(file)).expect(file);
        setting.server.add("some/model", file, &bytes);
        if file != "tokenizer.json" {
            setting.server.add("some/half", file, &bytes);
        }
    }
    setting.server.add("some/model", "training.safetensors", b"nobody asks for this");
    let ladder = |setting: &Setting| {
        let args = ["interpolate", "-m", "hf:some/model", "x = 1", "y = 2", "--json"];
        let output = setting.command().args(args).assert().success().get_output().clone();
        (String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout)
    };
    let (told, first) = ladder(&setting);
    assert!(told.contains("downloading hf:some/model/model.safetensors (2 of 3)"), "{told}");
    let document: serde_json::Value = serde_json::from_slice(&first).expect("JSON");
    assert_eq!(document["model"], "some/model");
    assert_eq!(setting.server.downloads().len(), 3);
    let half = ["interpolate", "-m", "hf:some/half", "x", "y"];
    let error = setting.command().args(half).assert().failure();
    let error = String::from_utf8_lossy(&error.get_output().stderr).into_owned();
    assert!(error.contains("no tokenizer.json"), "{error}");
    setting.server.stop();
    let (told, again) = ladder(&setting);
    assert!(told.contains("cannot be reached"), "{told}");
    assert_eq!(again, first);
    let args = ["interpolate", "-m", "hf:some/model", "x = 1", "y = 2", "--json"];
    let offline = setting.command().args(args).env("HF_HUB_OFFLINE", "1").assert().success();
    assert_eq!(offline.get_output().stdout, first);
}

#[test]
fn a_model_is_trained_and_judged_on_a_data_set_of_the_hub() {
    let setting = Setting::new();
    lines_of_python(&setting.server);
    let out = setting.cache.path().join("run");
    let out = out.to_str().expect("a path");
    let train = ["train", "--preset", "tiny", "--steps", "2", "--batch", "8", "--out", out];
    let data = ["--data", "hf:some/lines:line", "--valid", "hf:some/lines"];
    setting.command().args(train).args(data).assert().success();
    let trainer = std::fs::read(Path::new(out).join("trainer.json")).expect("trainer.json");
    let trainer: serde_json::Value = serde_json::from_slice(&trainer).expect("JSON");
    assert_eq!(trainer["data"], "hf:some/lines:line");
    assert_eq!(trainer["data_lines"], 300);
    let eval = ["eval", "-m", out, "--data", "hf:some/lines", "--pairs", "2", "--lines", "4"];
    let judged = setting.command().args(eval).arg("--json").assert().success();
    let judged: serde_json::Value =
        serde_json::from_slice(&judged.get_output().stdout).expect("JSON");
    assert_eq!(judged["data"], "hf:some/lines");
    let wrong = ["eval", "-m", out, "--data", "hf:some", "--pairs", "2"];
    let wrong = setting.command().args(wrong).assert().code(2);
    assert!(String::from_utf8_lossy(&wrong.get_output().stderr).contains("hf:OWNER/NAME"));
}
