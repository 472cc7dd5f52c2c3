//! Tokenizers: nothing is lost, operators stay apart, other tools read the same file.

mod shared_data;

use proptest::prelude::*;
use shared_data::shared_data;
use tvae_tui::corpus::mnist_text::{Digit, Direction, Size};
use tvae_tui::corpus::Example;
use tvae_tui::corpus::{idx, read, ReadOptions};
use tvae_tui::domain::{domain, Codec};

fn train(name: &str, vocab: usize) -> Codec {
    let kind = domain(name).expect("a domain");
    let samples = kind.samples();
    kind.train_codec(&mut samples.iter().map(|s| s.text.as_str()), vocab).expect("a tokenizer")
}

fn saved(codec: &Codec) -> String {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("tokenizer.json");
    codec.save(&path).expect("saved");
    std::fs::read_to_string(path).expect("read")
}

#[test]
fn every_held_out_python_line_round_trips() {
    let (Some(train), Some(valid)) =
        (shared_data("python-lines.train.txt.zst"), shared_data("python-lines.valid.txt.zst"))
    else {
        return;
    };
    let options = ReadOptions { limit: Some(20_000), ..ReadOptions::default() };
    let lines = read(&train, &options).expect("lines").examples;
    let python = domain("python").expect("python");
    let mut texts = lines.iter().map(|e| e.text.as_str());
    let codec = python.train_codec(&mut texts, 4096).expect("a tokenizer");
    let bundled = Codec::from_file(
        concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints/python/tokenizer.json").as_ref(),
    )
    .expect("the bundled tokenizer");
    let valid = read(&valid, &ReadOptions::default()).expect("lines").examples;
    for codec in [&codec, &bundled] {
        let texts: Vec<&str> = valid.iter().map(|e| e.text.as_str()).collect();
        let encoded = codec.encode_batch(&texts).expect("ids");
        let tokens: usize = encoded.iter().map(Vec::len).sum();
        for (text, ids) in texts.iter().zip(&encoded) {
            assert_eq!(&codec.decode(ids).expect("text"), text);
        }
        println!("{} lines, {:.1} tokens a line", texts.len(), tokens as f64 / texts.len() as f64);
    }
}

#[test]
fn training_twice_gives_the_same_file_and_other_tools_read_it() {
    for name in ["python", "headlines", "text"] {
        let codec = train(name, 400);
        let json = saved(&codec);
        assert_eq!(json, saved(&train(name, 400)), "{name}");
        let other = tokenizers::Tokenizer::from_bytes(json.as_bytes()).expect("a tokenizer");
        for Example { text, .. } in domain(name).expect("a domain").samples() {
            let ids = other.encode(text.as_str(), false).expect("ids").get_ids().to_vec();
            assert_eq!(codec.encode(&text).expect("ids"), ids);
            assert_eq!(codec.decode(&ids).expect("text"), text);
        }
        assert_eq!(
            ["<s>", "<pad>", "<mask>"].map(|t| other.token_to_id(t)),
            [Some(0), Some(1), Some(2)]
        );
    }
    assert!(domain("python").expect("python").train_codec(&mut ["x"].into_iter(), 100).is_err());
}

#[test]
fn operators_brackets_and_quotes_never_merge() {
    let codec = train("python", 800);
    let tokenizer =
        tokenizers::Tokenizer::from_bytes(saved(&codec).as_bytes()).expect("a tokenizer");
    for token in tokenizer.get_vocab(true).into_keys() {
        let text = token.strip_prefix('Ġ').unwrap_or(&token);
        let apart = |c: char| "()[]{}'\".,:;@\\".contains(c);
        assert!(!text.contains(apart) || text.chars().count() == 1, "{token}");
        let digits = text.chars().filter(char::is_ascii_digit).count();
        assert!(digits == 0 || text.len() == 1, "{token}");
    }
}

#[test]
fn the_originals_vocabulary_files_load() {
    let dir = tempfile::tempdir().expect("folder");
    let codec = train("headlines", 300);
    let json: serde_json::Value = serde_json::from_str(&saved(&codec)).expect("JSON");
    let merges: Vec<String> = json["model"]["merges"]
        .as_array()
        .expect("merges")
        .iter()
        .map(|m| match m {
            serde_json::Value::Array(pair) => {
                let part = |i: usize| pair[i].as_str().unwrap_or_default().to_owned();
                format!("{} {}", part(0), part(1))
            }
            other => other.as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    std::fs::write(dir.path().join("vocab.json"), json["model"]["vocab"].to_string())
        .expect("write");
    let text = format!("#version: 0.2\n{}\n", merges.join("\n"));
    std::fs::write(dir.path().join("merges.txt"), text).expect("write");
    let old = Codec::from_folder(dir.path()).expect("the original's files");
    for Example { text, .. } in domain("headlines").expect("headlines").samples() {
        let ids = old.encode(&text).expect("ids");
        assert_eq!(ids, codec.encode(&text).expect("ids"));
        assert_eq!(old.decode(&ids).expect("text"), text);
    }
    assert!(Codec::from_folder(&dir.path().join("nowhere")).is_err());
}

#[test]
fn digits_round_trip_pixel_by_pixel() {
    let mnist = domain("mnist").expect("mnist");
    let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("the pixel codec");
    assert_eq!(codec.vocab_size(), 70);
    let again = Codec::from_bytes(saved(&codec).as_bytes()).expect("read back");
    for size in Size::ALL {
        let side = size.side();
        let levels = (0..side * side).map(|i| (i * 7 % 65) as u8).collect();
        let digit = Digit { size, levels };
        for direction in [Direction::Down, Direction::Up] {
            let text = digit.write(direction);
            let ids = again.encode(&text).expect("ids");
            assert_eq!(ids.len(), side * side + 1);
            assert_eq!(codec.decode(&ids).expect("text"), text);
            assert!(mnist.verdict(&text).is_valid());
        }
    }
    assert!(!mnist.verdict("00 down ! !").is_valid());
}

#[test]
fn every_held_out_digit_round_trips_through_text_and_tokens() {
    let bundled = domain("mnist").expect("mnist").samples_within(9_999);
    let mut sets = vec![bundled
        .iter()
        .map(|sample| Digit::read(&sample.text, Size::Default).0)
        .collect::<Vec<Digit>>()];
    let mut images = Vec::new();
    if let Some(valid) = shared_data("mnist/valid-images-idx3-ubyte.gz") {
        images = idx::read_images(&valid).expect("the digits");
    }
    sets.extend(Size::ALL.map(|size| {
        images.chunks_exact(784).map(|pixels| Digit::from_pixels(pixels, size)).collect()
    }));
    let mnist = domain("mnist").expect("mnist");
    let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("the pixel codec");
    for digits in sets {
        let Some(first) = digits.first() else { continue };
        let side = first.size.side();
        // As a model of this size has it, and as one of unknown size.
        let codecs = [codec.clone(), codec.clone().with_room(side * side + 2)];
        for direction in [Direction::Down, Direction::Up] {
            let texts: Vec<String> = digits.iter().map(|digit| digit.write(direction)).collect();
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            for codec in &codecs {
                let encoded = codec.encode_batch(&borrowed).expect("ids");
                for ((text, ids), digit) in texts.iter().zip(&encoded).zip(&digits) {
                    assert_eq!(ids.len(), side * side + 1);
                    assert_eq!(&codec.decode(ids).expect("text"), text);
                    assert_eq!(Digit::read(text, digit.size), (digit.clone(), direction));
                }
            }
            assert!(texts.iter().all(|text| mnist.verdict(text).is_valid()));
            // A model of this size that goes on writing has written the digit that it began with.
            let mut ids = codecs[1].encode(&texts[0]).expect("ids");
            ids.push(ids[1]);
            assert_eq!(codecs[1].decode(&ids).expect("text"), texts[0]);
        }
        println!("{} digits of {side} × {side}", digits.len());
    }
}

#[test]
fn a_digit_still_being_decoded_is_written_as_far_as_it_goes() {
    let mnist = domain("mnist").expect("mnist");
    let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("the pixel codec");
    let codec = codec.with_room(198);
    let levels = (0..196).map(|i| (i * 7 % 65) as u8).collect();
    let digit = Digit { size: Size::Small, levels };
    for direction in [Direction::Down, Direction::Up] {
        let text = digit.write(direction);
        let ids = codec.encode(&text).expect("ids");
        for count in (0..=196).filter(|&count| count != 81) {
            let part = codec.decode(&ids[..=count]).expect("text");
            assert!(text.starts_with(&part), "{count}: {part}");
            let picture = mnist.picture(&part).expect("a picture");
            assert_eq!(picture.is_whole(), count == 196);
            assert_eq!(mnist.verdict(&part).is_valid(), count == 196);
            let pixels = (0..14).flat_map(|y| (0..14).map(move |x| (x, y)));
            let known = pixels.filter(|&(x, y)| picture.level(x, y).is_some()).count();
            assert_eq!((picture.width(), known), (14, count));
            if count > 0 {
                assert_eq!(codec.encode(&part).expect("ids")[..=count], ids[..=count]);
            }
        }
        // As many pixels as the smallest size has are a digit of that size: nothing tells that more will come.
        assert!(mnist.verdict(&codec.decode(&ids[..=81]).expect("text")).is_valid());
    }
}

proptest! {
    #[test]
    fn any_text_comes_back(text in any::<String>(), special in "(<s>|<pad>|<mask>| |a){0,4}") {
        use std::sync::OnceLock;
        static CODECS: OnceLock<[Codec; 2]> = OnceLock::new();
        let text = text + &special;
        for codec in CODECS.get_or_init(|| [train("python", 400), train("text", 400)]) {
            let ids = codec.encode(&text).expect("ids");
            prop_assert_eq!(&codec.decode(&ids).expect("text"), &text);
        }
    }
}
