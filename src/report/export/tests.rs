//! Files hold what they should, and nothing in a text acts in them.

use super::*;
use crate::corpus::mnist_text::{Digit, Direction, Size};
use crate::domain::Verdict;

fn rung(ratio: f32, text: &str, valid: bool) -> Rung {
    let verdict = if valid { Verdict::Valid } else { Verdict::invalid(1, 3, "a <reason>") };
    Rung { ratio, text: text.to_owned(), verdict, guided: false }
}

fn part(rungs: Vec<Rung>) -> Part {
    Part {
        title: String::new(),
        a: rungs[0].text.clone(),
        b: rungs[rungs.len() - 1].text.clone(),
        path: "per-token".into(),
        decoding: "greedy".into(),
        rungs,
        point: None,
    }
}

fn texts() -> Document {
    let rungs = vec![
        rung(0.0, "a < b", true),
        rung(0.5, "a\u{1b}[2J | `b", false),
        rung(1.0, "日本", true),
    ];
    let mut second = part(rungs.clone());
    second.title = "my *note* </svg>".into();
    second.point = Some(rung(0.25, "x & y", true));
    Document { model: "m".into(), domain: "python".into(), parts: vec![part(rungs), second] }
}

fn digits() -> Document {
    let text = |shade: u8| {
        let side = Size::Tiny.side();
        let levels = (0..side * side).map(|i| (i as u8).wrapping_mul(shade) % 65).collect();
        Digit { size: Size::Tiny, levels }.write(Direction::Up)
    };
    let rungs = (0..3u8).map(|k| rung(f32::from(k) / 2.0, &text(k), k != 1)).collect();
    Document { model: "m".into(), domain: "mnist".into(), parts: vec![part(rungs)] }
}

fn read(document: &Document, format: Format) -> String {
    String::from_utf8(document.bytes(format).expect("bytes")).expect("text")
}

#[test]
fn names_tell_of_formats() {
    let of = |name: &str| Format::of(Path::new(name));
    assert_eq!(of("a/b.JSON"), Ok(Format::Json));
    assert_eq!(of("b.md"), Ok(Format::Markdown));
    assert!(of("svg").is_err_and(|e| e.to_string().contains(".png")));
    assert!(of("x.jpeg").is_err());
}

#[test]
fn json_holds_every_text_as_it_is() {
    let document = texts();
    let value: Value = serde_json::from_str(&read(&document, Format::Json)).expect("JSON");
    assert_eq!(value["decodes"][0]["rungs"][1]["text"], "a\u{1b}[2J | `b");
    assert_eq!(value["decodes"][1]["point"]["text"], "x & y");
    assert_eq!(value["decodes"][1]["title"], "my *note* </svg>");
    let one = Document { parts: document.parts[..1].to_vec(), ..document };
    assert_eq!(one.json()["path"], "per-token");
    assert_eq!(one.json()["rungs"][2]["ratio"], 1.0);
}

#[test]
fn markdown_keeps_texts_in_blocks_of_code() {
    insta::assert_snapshot!("export_markdown", read(&texts(), Format::Markdown));
    let page = read(&digits(), Format::Markdown);
    assert!(page.contains('█') && page.contains("    0.50  ✗ 1:3"), "{page}");
}

/// Every element that is opened is closed, in the right order.
fn is_balanced(svg: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        match tag.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            Some(_) => {}
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
    }
    open.is_empty()
}

#[test]
fn svg_shows_texts_verdicts_and_pictures() {
    let svg = read(&texts(), Format::Svg);
    assert!(is_balanced(&svg), "{svg}");
    for part in [
        ">a &lt; b<",
        ">a␛[2J | `b<",
        ">✗ 1:3 a &lt;reason&gt;<",
        ">日本<",
        "my *note* &lt;/svg&gt;",
    ] {
        assert!(svg.contains(part), "{part} in\n{svg}");
    }
    let svg = read(&digits(), Format::Svg);
    assert!(is_balanced(&svg) && !svg.contains("up"));
    assert_eq!(svg.matches("#000000").count(), 3);
    assert_eq!((svg.matches('✓').count(), svg.matches('✗').count()), (2, 1));
}

#[test]
fn a_png_decodes_back_to_the_pixels() {
    let document = digits();
    let bytes = document.bytes(Format::Png).expect("a picture");
    let mut reader =
        ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a header");
    let mut values = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut values).expect("pixels");
    let side = Size::Tiny.side();
    assert_eq!((info.width as usize, info.height as usize), (8 * (3 * side + 2), 8 * side));
    for (k, rung) in document.parts[0].rungs.iter().enumerate() {
        let picture = document.picture(&rung.text).expect("a picture");
        for y in 0..8 * side {
            for x in 0..8 * side {
                let at = y * info.width as usize + k * 8 * (side + 1) + x;
                let level = u32::from(picture.level(x / 8, y / 8).expect("known"));
                assert_eq!(u32::from(values[at]), level * 255 / 64);
            }
        }
    }
    let said = texts().bytes(Format::Png).expect_err("no pictures").to_string();
    assert!(said.contains("python") && said.contains(".svg"), "{said}");
}
