//! A reader of event files for tests: takes messages apart field by field and checks every checksum.

use std::path::Path;

use super::crc32c;

/// A field of a message: its number, and its content or the bytes of its number.
pub(crate) type Field = (u64, Vec<u8>);

fn take_varint(data: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = data[0];
        *data = &data[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    value
}

pub(crate) fn fields(mut data: &[u8]) -> Vec<Field> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let key = take_varint(&mut data);
        let content = match key & 7 {
            0 => take_varint(&mut data).to_le_bytes().to_vec(),
            wire => {
                let length = match wire {
                    1 => 8,
                    5 => 4,
                    2 => take_varint(&mut data) as usize,
                    other => panic!("wire type {other}"),
                };
                let (content, rest) = data.split_at(length);
                data = rest;
                content.to_vec()
            }
        };
        found.push((key >> 3, content));
    }
    found
}

/// The one field of this number.
pub(crate) fn field(message: &[u8], number: u64) -> Option<Vec<u8>> {
    let mut found: Vec<Field> = fields(message);
    found.retain(|(n, _)| *n == number);
    assert!(found.len() < 2, "field {number} twice");
    found.pop().map(|(_, content)| content)
}

pub(crate) fn at(message: &[u8], path: &[u64]) -> Vec<u8> {
    path.iter().fold(message.to_vec(), |message, &number| {
        field(&message, number).unwrap_or_else(|| panic!("no field {number} of {path:?}"))
    })
}

pub(crate) fn integer(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// The events of a file; every checksum is checked.
pub(crate) fn events(path: &Path) -> Vec<Vec<u8>> {
    let whole = std::fs::read(path).expect("the file");
    let mut data = whole.as_slice();
    let mut found = Vec::new();
    let take = |data: &mut &[u8], n: usize| {
        let (taken, rest) = data.split_at(n);
        let taken = taken.to_vec();
        *data = rest;
        taken
    };
    let check = |data: &[u8], crc: &[u8]| {
        let unmasked = u32::from_le_bytes(crc.try_into().expect("four bytes"));
        assert_eq!(unmasked.wrapping_sub(0xa282_ead8).rotate_left(15), crc32c(data));
    };
    while !data.is_empty() {
        let length = take(&mut data, 8);
        check(&length, &take(&mut data, 4));
        let content = take(&mut data, integer(&length) as usize);
        check(&content, &take(&mut data, 4));
        found.push(content);
    }
    found
}
