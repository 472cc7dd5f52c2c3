//! Event files are read back field by field.

use super::reader::{at, events, fields, integer};
use super::*;

#[test]
fn checksums_are_those_of_the_standard() {
    // RFC 3720, B.4.
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn every_kind_of_value_comes_back() {
    let dir = tempfile::tempdir().expect("folder");
    let mut file = EventFile::create(dir.path(), 0).expect("a file");
    let picture = Png { width: 300, height: 2, bytes: vec![0x89, b'P'] };
    file.write(
        20,
        &[
            ("train/loss", EventValue::Scalar(-1.25)),
            ("ladder", EventValue::Text("| naïve |".to_owned())),
            ("ladder/picture", EventValue::Picture(picture)),
        ],
    )
    .expect("written");
    let events = events(file.path());
    assert_eq!(events.len(), 2);
    assert_eq!(at(&events[0], &[3]), b"brain.Event:2");
    assert_eq!(integer(&at(&events[1], &[2])), 20);
    let wall = f64::from_le_bytes(at(&events[1], &[1]).try_into().expect("a double"));
    assert!((wall - now()).abs() < 3600.0);
    let values: Vec<Vec<u8>> =
        fields(&at(&events[1], &[5])).into_iter().map(|(_, value)| value).collect();
    let [scalar, text, picture] = &values[..] else { panic!("three values") };
    assert_eq!(at(scalar, &[1]), b"train/loss");
    assert_eq!(at(scalar, &[2]), (-1.25_f32).to_le_bytes());
    assert_eq!(at(text, &[8, 8]), "| naïve |".as_bytes());
    assert_eq!(integer(&at(text, &[8, 1])), STRINGS);
    assert_eq!(integer(&at(text, &[8, 2, 2, 1])), 1);
    assert_eq!(at(text, &[9, 1, 1]), b"text");
    assert_eq!((integer(&at(picture, &[4, 1])), integer(&at(picture, &[4, 2]))), (2, 300));
    assert_eq!(at(picture, &[4, 4]), [0x89, b'P']);
}

#[test]
fn a_session_that_goes_on_has_a_later_file_and_voids_what_lies_after_its_step() {
    let dir = tempfile::tempdir().expect("folder");
    let paths: Vec<PathBuf> = (0..3)
        .map(|i| EventFile::create(dir.path(), 10 * i).expect("a file").path().to_owned())
        .collect();
    assert!(paths.windows(2).all(|pair| pair[0] < pair[1]), "{paths:?}");
    assert_eq!(events(&paths[0]).len(), 1);
    let resumed = events(&paths[2]);
    assert_eq!(integer(&at(&resumed[1], &[2])), 21);
    assert_eq!(integer(&at(&resumed[1], &[7, 1])), SESSION_START);
}
