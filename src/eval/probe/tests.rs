use super::linear::Fit;
use super::*;

/// Three classes in four columns, far enough apart to learn and close enough to err. What scikit-learn makes of the same
/// numbers stands in the tests.
fn points() -> (Vec<[f32; 4]>, Vec<usize>) {
    let number = |i: usize, j: usize| {
        let noise = ((i * 31 + j * 17 + i * i * 7 * (j + 1)) % 101) as f64 / 50.0 - 1.0;
        (noise + if i % 3 == j { 0.8 } else { 0.0 }) as f32
    };
    let rows = (0..90).map(|i| [0, 1, 2, 3].map(|j| number(i, j))).collect();
    (rows, (0..90).map(|i| i % 3).collect())
}

fn near(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (a, b) in found.iter().zip(wanted) {
        assert!((a - b).abs() < tolerance, "{found:?} is not {wanted:?}");
    }
}

#[test]
fn linear_machines_are_those_of_scikit_learn() {
    let (points, labels) = points();
    let rows = Rows::dense(4, points.iter().map(|p| &p[..]));
    // LinearSVC(C=1, tol=1e-10) fitted on the first 60.
    let weights = [
        [0.8372284, -0.4376953, -0.6260420, -0.0178042],
        [-0.3627734, 0.4953500, -0.2142841, -0.3630058],
        [-0.3269714, -0.1621036, 0.7500266, 0.3532927],
    ];
    let constants = [-0.4266555, -0.3180515, -0.3686254];
    let classes =
        [0, 2, 2, 2, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 2, 0, 2, 0, 0, 1, 2, 2, 1, 2];
    let sparse =
        Rows::sparse(4, points.iter().map(|p| p.iter().copied().enumerate().collect()).collect());
    let items: Vec<usize> = (0..60).collect();
    for rows in [&rows, &sparse] {
        let data = Classified { rows, labels: &labels, classes: 4 };
        let machine = LinearSvm::fit(data, &items, Fit { cost: 1.0, tolerance: 1e-9, seed: 3 });
        for class in 0..3 {
            let (found, constant) = machine.machine(class).expect("a machine");
            near(found, &weights[class], 1e-6);
            near(&[*constant], &constants[class..=class], 1e-6);
        }
        assert_eq!(machine.machine(3), None, "no item has the fourth class");
        let given: Vec<usize> = (60..90).map(|i| machine.class(rows, i)).collect();
        assert_eq!(given, classes);
        // What is left of the precision by default decides no class here.
        let rough = LinearSvm::fit(data, &items, Fit { cost: 1.0, tolerance: 0.01, seed: 4 });
        let given: Vec<usize> = (60..90).map(|i| rough.class(rows, i)).collect();
        assert_eq!(given, classes);
    }
}

#[test]
fn kernel_machines_are_those_of_scikit_learn() {
    let (points, labels) = points();
    let features: Vec<&[f32]> = points.iter().map(|p| &p[..]).collect();
    let (train, test): (Vec<usize>, Vec<usize>) = ((0..60).collect(), (60..90).collect());
    let distances = Distances::new(&features);
    near(&[distances.gamma(&train)], &[0.596_235_6], 1e-6);
    let given = distances.classify(&labels, &train, &test, &mut || true).expect("solved");
    // SVC() fitted on the first 60.
    let wanted =
        [0, 2, 2, 2, 1, 2, 0, 1, 1, 0, 1, 2, 0, 2, 1, 0, 1, 2, 0, 0, 1, 0, 2, 0, 0, 1, 2, 0, 1, 2];
    assert_eq!(given.as_deref(), Some(&wanted[..]));
    let stopped = distances.classify(&labels, &train, &test, &mut || false);
    assert_eq!(stopped.expect("stopped"), None);
}

#[test]
fn words_weigh_as_in_scikit_learn() {
    let texts = [
        "The cat sat on the mat",
        "A dog, a cat & the DOG_1",
        "Über-cats eat the mat",
        "a cat unknown, the the mat",
        "",
    ];
    let rows = tfidf(&texts, &[0, 1, 2]);
    assert_eq!(rows.columns(), 10);
    // The columns: the, cat, sat, on, mat, dog, dog_1, über, cats, eat.
    let (a, b, c) = (0.373_022, 0.490_479, 0.504_611);
    near(&rows.row(0), &[b, a, b, b, a, 0.0, 0.0, 0.0, 0.0, 0.0], 1e-6);
    let (cat, dog, the) = (0.444_514, 0.584_483, 0.345_205);
    near(&rows.row(1), &[the, cat, 0.0, 0.0, 0.0, dog, dog, 0.0, 0.0, 0.0], 1e-6);
    near(&rows.row(2), &[0.298_032, 0.0, 0.0, 0.0, 0.383_77, 0.0, 0.0, c, c, c], 1e-6);
    // A word of no training text has no column; one that comes twice weighs more.
    let (cat, the) = (0.517_856, 0.680_919);
    near(&rows.row(3), &[the, cat, 0.0, 0.0, cat, 0.0, 0.0, 0.0, 0.0, 0.0], 1e-6);
    near(&rows.row(4), &[0.0; 10], 1e-12);
}

#[test]
fn columns_are_standardised_over_the_training_items() {
    let values = [[1.0f32, 5.0], [3.0, 5.0], [9.0, 7.0]];
    let all = || values.iter().map(|v| &v[..]);
    let rows = Rows::dense(2, all()).standardised(&Standard::of(2, all().take(2)));
    assert_eq!(rows.row(0), [-1.0, 0.0]);
    assert_eq!(rows.row(1), [1.0, 0.0]);
    assert_eq!(rows.row(2), [7.0, 2.0], "a column without variation is only centred");
}

/// Items of three classes with words that tell the class of all but every tenth.
struct Fixture {
    points: Vec<[f32; 4]>,
    labels: Vec<String>,
    texts: Vec<String>,
}

impl Fixture {
    fn new() -> Self {
        let (points, classes) = points();
        let words = ["apple", "pear", "plum"];
        let text = |(i, &class): (usize, &usize)| {
            format!("{} w{}", if i % 10 == 0 { "some" } else { words[class] }, i % 7)
        };
        Self {
            points,
            labels: classes.iter().map(|class| ["10", "9", "z"][*class].to_owned()).collect(),
            texts: classes.iter().enumerate().map(text).collect(),
        }
    }

    fn items(&self) -> Vec<Item<'_>> {
        (0..90)
            .map(|i| Item {
                features: &self.points[i],
                label: &self.labels[i],
                text: Some(&self.texts[i]),
            })
            .collect()
    }
}

fn found(train: Option<&[Item<'_>]>, data: &[Item<'_>], seed: u64) -> Probe {
    probe(train, data, seed, &mut |_, _, _| true).expect("probed").expect("to the end")
}

#[test]
fn a_probe_tells_machines_controls_and_confusion() {
    let fixture = Fixture::new();
    let items = fixture.items();
    let probe = found(None, &items, 1);
    assert_eq!((probe.linear_svm.train, probe.linear_svm.test), (63, 27));
    assert_eq!((probe.rbf_svm.train, probe.rbf_svm.test), (63, 27));
    let words = probe.tfidf_linear_svm.as_ref().expect("words");
    assert_eq!((words.train, words.test), (63, 27));
    let majority = probe.majority.accuracy.value;
    assert!(probe.linear_svm.accuracy.value > majority + 0.2, "{probe:?}");
    assert!(words.accuracy.value > 0.85 && majority < 0.5, "{probe:?}");
    let share = probe.share_of_tfidf.expect("a share");
    let ratio = probe.linear_svm.accuracy.value / words.accuracy.value;
    assert!((share.value - ratio).abs() < 1e-12);
    assert_eq!(probe.rbf_svm.seeds, [1, 2, 3, 4, 5]);
    let mean = probe.rbf_svm.splits.iter().sum::<f64>() / 5.0;
    assert!((probe.rbf_svm.accuracy.value - mean).abs() < 1e-12);
    assert!(probe.rbf_svm.deviation > 0.0 && probe.rbf_svm.accuracy.low < mean);

    let Confusion { classes, matrix } = &probe.confusion;
    assert_eq!(classes, &["z", "9", "10"]);
    assert_eq!(matrix.iter().flatten().sum::<usize>(), 27);
    let right: usize = (0..3).map(|class| matrix[class][class]).sum();
    assert!((probe.linear_svm.accuracy.value - right as f64 / 27.0).abs() < 1e-12);
    let largest = probe.confusion.largest(9);
    assert_eq!(largest.iter().map(|&(.., n)| n).sum::<usize>(), 27 - right);
    assert!(largest.windows(2).all(|pair| pair[0].2 >= pair[1].2));

    assert_eq!(found(None, &items, 1), probe);
    assert_ne!(found(None, &items, 2), probe);
}

#[test]
fn training_items_of_their_own_leave_all_others_to_test_on() {
    let fixture = Fixture::new();
    let mut items = fixture.items();
    let data = items.split_off(60);
    let probe = found(Some(&items), &data, 0);
    assert_eq!((probe.linear_svm.train, probe.linear_svm.test), (60, 30));
    assert_eq!((probe.rbf_svm.train, probe.rbf_svm.test), (21, 9), "of the held-out items");
    let without: Vec<Item<'_>> = data.iter().map(|i| Item { text: None, ..*i }).collect();
    let probe = found(Some(&items), &without, 0);
    assert_eq!((probe.tfidf_linear_svm, probe.share_of_tfidf), (None, None));
}

#[test]
fn what_cannot_be_probed_is_told() {
    let fixture = Fixture::new();
    let items = fixture.items();
    let told = |items: &[Item<'_>]| {
        probe(None, items, 0, &mut |_, _, _| true).expect_err("refused").to_string()
    };
    let one: Vec<Item<'_>> = items.iter().filter(|i| i.label == "9").copied().collect();
    assert!(told(&one).contains("all 30 items have the label `9`"));
    assert!(told(&items[..3]).contains("2 items to fit on and 1 to test on"));
    assert!(told(&[]).contains("too few"));
    let mut odd = items.clone();
    odd[7].features = &[1.0, f32::NAN, 0.0, 0.0];
    assert!(told(&odd).contains("item 7"));
    odd[7].features = &[1.0];
    assert!(told(&odd).contains("item 7"));
    let mut calls = 0;
    let mut stop = |_: &'static str, _, _| {
        calls += 1;
        calls < 20
    };
    assert_eq!(probe(None, &items, 0, &mut stop), Ok(None));
}

#[test]
fn a_classifier_tells_how_probable_each_class_is() {
    let fixture = Fixture::new();
    let mut items = fixture.items();
    let held = items.split_off(60);
    let rare = Item { label: "rare", ..items[0] };
    items.push(rare);
    let fit = |items: &[Item<'_>]| Classifier::fit(items, 0, &mut || true).expect("fitted");
    let classifier = fit(&items).expect("to the end");
    let (mut right, mut nats) = (0, 0.0);
    for item in &held {
        let told = classifier.probabilities(item.features);
        assert_eq!(told.len(), 3, "a class of one item is left out: {told:?}");
        assert!(told.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        assert!((told.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-5);
        right += usize::from(told[0].0 == item.label);
        let own = told.iter().find(|(label, _)| *label == item.label);
        nats -= own.map_or(f64::INFINITY, |(_, p)| f64::from(p.ln()));
    }
    assert!(right >= 20, "{right} of {}", held.len());
    // Sure of itself, but no surer than it is right.
    assert!(nats / (held.len() as f64) < 0.8, "{nats}");
    assert_eq!(fit(&items), Some(classifier));
    assert_eq!(Classifier::fit(&items, 0, &mut || false), Ok(None));
    assert!(Classifier::fit(&items[..1], 0, &mut || true).is_err());
}
