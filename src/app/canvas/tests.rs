//! Strokes, undo, shifts and texts.

use proptest::prelude::*;

use super::*;

fn small() -> Canvas {
    Canvas::new(Size::Small)
}

/// The pixels with ink, as rows of characters.
fn shown(canvas: &Canvas) -> Vec<String> {
    let symbol = |&level: &u8| match level {
        0 => ' ',
        1..=31 => '.',
        32..=63 => 'o',
        _ => '#',
    };
    canvas.levels().chunks(canvas.side()).map(|row| row.iter().map(symbol).collect()).collect()
}

fn at(canvas: &Canvas, x: usize, y: usize) -> u8 {
    canvas.levels()[y * canvas.side() + x]
}

#[test]
fn lines_are_straight_and_whole() {
    assert_eq!(line((2, 2), (2, 2)), [(2, 2)]);
    assert_eq!(line((0, 0), (4, 2)), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)]);
    assert_eq!(line((3, 1), (0, 1)), [(3, 1), (2, 1), (1, 1), (0, 1)]);
    assert_eq!(line((1, 3), (1, 0)).len(), 4);
}

#[test]
fn a_soft_stroke_is_dark_inside_and_grey_at_its_edge() {
    let mut canvas = small();
    canvas.go(4, 3);
    canvas.press();
    canvas.go(4, 9);
    canvas.lift();
    assert_eq!((at(&canvas, 4, 5), at(&canvas, 7, 5)), (64, 0));
    let edge = at(&canvas, 3, 5);
    assert!(edge > 0 && edge < 64 && edge == at(&canvas, 5, 5), "{edge}");
    // Where the brush is up the cursor leaves nothing.
    canvas.go(12, 12);
    assert_eq!(at(&canvas, 12, 12), 0);
    assert!(!canvas.is_drawing());
}

/// Ink for every row that has any.
fn width(canvas: &Canvas) -> f64 {
    let rows = canvas.levels().chunks(canvas.side());
    let rows = rows.filter(|row| row.iter().any(|&level| level > 20)).count();
    canvas.levels().iter().map(|&level| f64::from(level) / 64.0).sum::<f64>() / rows as f64
}

#[test]
fn a_stroke_is_as_wide_as_those_of_mnists_ones() {
    let samples = crate::domain::domain("mnist").expect("mnist").samples();
    let ones = samples.iter().filter(|s| s.label.as_deref() == Some("1"));
    let mut widths: Vec<f64> = ones.map(|one| width(&Canvas::of(&one.text))).collect();
    widths.sort_by(f64::total_cmp);
    let mut canvas = small();
    canvas.go(7, 2);
    canvas.press();
    canvas.go(7, 11);
    let (usual, drawn) = (widths[widths.len() / 2], width(&canvas));
    assert!((drawn / usual - 1.0).abs() < 0.15, "{drawn} {usual}");
}

#[test]
fn a_hard_brush_and_the_eraser() {
    let mut canvas = small();
    canvas.brush = Brush::Hard;
    canvas.go(2, 2);
    canvas.press();
    canvas.step(2, 0);
    canvas.lift();
    assert_eq!(shown(&canvas)[2].trim_end(), "  ###");
    assert_eq!(canvas.levels().iter().filter(|&&l| l > 0).count(), 3);
    canvas.pen = Pen::Erase;
    canvas.go(3, 2);
    canvas.press();
    assert_eq!(shown(&canvas)[2].trim_end(), "  # #");
}

#[test]
fn undo_takes_whole_strokes_back() {
    let mut canvas = small();
    canvas.press();
    canvas.step(3, 0);
    canvas.step(0, 3);
    canvas.lift();
    let first = canvas.clone();
    canvas.go(1, 1);
    canvas.press();
    canvas.lift();
    canvas.invert();
    assert!(canvas.undo() && canvas.undo());
    assert_eq!(canvas.levels(), first.levels());
    assert!(canvas.undo());
    assert!(canvas.is_empty() && !canvas.undo());
    // What changes nothing needs no undoing.
    canvas.clear();
    assert!(!canvas.undo());
}

#[test]
fn undo_in_the_middle_of_a_stroke_lifts_the_brush() {
    let mut canvas = small();
    canvas.press();
    canvas.undo();
    canvas.step(3, 3);
    assert!(canvas.is_empty() && !canvas.is_drawing());
}

#[test]
fn shifting_and_centring() {
    let mut canvas = small();
    canvas.brush = Brush::Hard;
    canvas.go(0, 13);
    canvas.press();
    canvas.shift(2, -3);
    assert_eq!(at(&canvas, 2, 10), 64);
    canvas.centre();
    assert_eq!(at(&canvas, 7, 7), 64);
    canvas.shift(0, 9);
    assert!(canvas.is_empty());
    canvas.centre();
    canvas.shift(isize::MIN, isize::MAX);
    assert!(canvas.is_empty());
}

#[test]
fn samples_of_mnist_are_centred_already() {
    let mnist = crate::domain::domain("mnist").expect("mnist");
    for sample in mnist.samples().iter().take(40) {
        let canvas = Canvas::of(&sample.text);
        let moved = |right, down| {
            let mut moved = canvas.clone();
            moved.shift(right, down);
            moved
        };
        let near = (-1..=1).flat_map(|right| (-1..=1).map(move |down| (right, down)));
        let mut centred = canvas.clone();
        centred.centre();
        // Pooling moves the mass a little; a whole pixel is the most.
        assert!(near.into_iter().any(|(x, y)| moved(x, y).levels() == centred.levels()));
    }
}

#[test]
fn texts_of_every_size_come_back() {
    for size in Size::ALL {
        let side = size.side();
        let levels = (0..side * side).map(|i| (i * 5 % 65) as u8).collect();
        let digit = Digit { size, levels };
        for direction in [Direction::Down, Direction::Up] {
            let mut canvas = Canvas::of(&digit.write(direction));
            assert_eq!(canvas.digit(), digit);
            assert_eq!(canvas.text(), digit.write(Direction::Down));
            assert_eq!(Canvas::like(&canvas.text()), Canvas::new(size));
            assert!(!canvas.undo(), "what it began with is no stroke");
        }
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Go(usize, usize),
    Step(isize, isize),
    Press,
    Lift,
    Undo,
    Clear,
    Invert,
    Shift(isize, isize),
    Centre,
    Pen(bool),
    Brush,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0usize..40, any::<usize>()).prop_map(|(x, y)| Deed::Go(x, y)),
        (-30isize..30, any::<isize>()).prop_map(|(x, y)| Deed::Step(x, y)),
        Just(Deed::Press),
        Just(Deed::Lift),
        Just(Deed::Undo),
        Just(Deed::Clear),
        Just(Deed::Invert),
        (-9isize..9, any::<isize>()).prop_map(|(x, y)| Deed::Shift(x, y)),
        Just(Deed::Centre),
        any::<bool>().prop_map(Deed::Pen),
        Just(Deed::Brush),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_the_canvas_stays_a_digit(all in prop::collection::vec(deeds(), 0..60)) {
        let mut canvas = small();
        for deed in all {
            match deed {
                Deed::Go(x, y) => canvas.go(x, y),
                Deed::Step(x, y) => canvas.step(x, y),
                Deed::Press => canvas.press(),
                Deed::Lift => canvas.lift(),
                Deed::Undo => { canvas.undo(); }
                Deed::Clear => canvas.clear(),
                Deed::Invert => canvas.invert(),
                Deed::Shift(x, y) => canvas.shift(x, y),
                Deed::Centre => canvas.centre(),
                Deed::Pen(erase) => canvas.pen = if erase { Pen::Erase } else { Pen::Draw },
                Deed::Brush => canvas.brush = canvas.brush.next(),
            }
            let side = canvas.side();
            prop_assert!(canvas.cursor().0 < side && canvas.cursor().1 < side);
            prop_assert!(canvas.levels().len() == side * side);
            prop_assert!(canvas.levels().iter().all(|&level| level <= 64));
        }
    }
}
