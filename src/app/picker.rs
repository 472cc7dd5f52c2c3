//! A list that is narrowed down by typing: fuzzy matches, the best first.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::{Input, InputRequest};

/// Characters of an item that are searched; longer ones are known by their start.
const SEARCHED: usize = 300;

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is searched and shown.
    pub text: String,
    /// What it belongs to or is done by: a label, keys. Searched as well.
    pub detail: String,
}

/// The list, what has been typed, and where the cursor stands.
#[derive(Debug, Clone)]
pub struct Picker {
    items: Vec<Item>,
    /// Items that match, the best first.
    matches: Vec<usize>,
    /// What has been typed.
    pub input: Input,
    /// The chosen row of the matches.
    chosen: usize,
}

impl Picker {
    /// All items, in their order.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Self {
        let matches = (0..items.len()).collect();
        Self { items, matches, input: Input::default(), chosen: 0 }
    }

    /// A key in the text field; the list follows.
    pub fn edit(&mut self, request: InputRequest) {
        self.input.handle(request);
        self.search();
    }

    /// Pasted text.
    pub fn paste(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()).take(SEARCHED) {
            self.input.handle(InputRequest::InsertChar(c));
        }
        self.search();
    }

    fn search(&mut self) {
        self.chosen = 0;
        let pattern = Pattern::parse(self.input.value(), CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let text: String = item.text.chars().take(SEARCHED).collect();
            let whole = format!("{} {text}", item.detail);
            let haystack = Utf32Str::new(&whole, &mut buffer);
            if let Some(score) = pattern.score(haystack, &mut matcher) {
                scored.push((score, i));
            }
        }
        // Equal ones stay in their order.
        scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.matches = scored.into_iter().map(|(_, i)| i).collect();
    }

    /// To another row of the matches, which is taken into their range.
    pub fn choose(&mut self, row: usize) {
        self.chosen = row.min(self.matches.len().saturating_sub(1));
    }

    /// A row up or down.
    pub fn step(&mut self, down: bool) {
        self.choose(if down { self.chosen + 1 } else { self.chosen.saturating_sub(1) });
    }

    /// The chosen row of the matches.
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The number of the chosen item; none where nothing matches.
    #[must_use]
    pub fn chosen_item(&self) -> Option<usize> {
        self.matches.get(self.chosen).copied()
    }

    /// The items that match, the best first, each with its number.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = (usize, &Item)> {
        self.matches.iter().map(|&i| (i, &self.items[i]))
    }

    /// How many items there are, matching or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to choose from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picker(texts: &[&str]) -> Picker {
        let item = |t: &&str| Item { text: (*t).to_owned(), detail: String::new() };
        Picker::new(texts.iter().map(item).collect())
    }

    fn shown(picker: &Picker) -> Vec<&str> {
        picker.matches().map(|(_, item)| item.text.as_str()).collect()
    }

    fn typed(mut picker: Picker, text: &str) -> Picker {
        for c in text.chars() {
            picker.edit(InputRequest::InsertChar(c));
        }
        picker
    }

    #[test]
    fn letters_in_their_order_match_and_the_nearest_stands_first() {
        let all = ["return self.items", "raise ValueError(x)", "self.reset()"];
        assert_eq!(shown(&picker(&all)), all);
        assert_eq!(shown(&typed(picker(&all), "reset")), ["self.reset()", "return self.items"]);
        assert_eq!(shown(&typed(picker(&all), "qqq")), [""; 0]);
        assert_eq!(typed(picker(&all), "qqq").chosen_item(), None);
    }

    #[test]
    fn details_are_searched_too() {
        let item = |text: &str, detail: &str| Item { text: text.into(), detail: detail.into() };
        let list = Picker::new(vec![item("a", "POLITICS"), item("b", "FOOD")]);
        assert_eq!(typed(list, "food").chosen_item(), Some(1));
    }

    proptest! {
        #[test]
        fn the_cursor_stays_on_the_list(
            texts in prop::collection::vec(".{0,12}", 0..12),
            keys in prop::collection::vec((any::<char>(), 0usize..30, any::<bool>()), 0..20),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut list = picker(&texts);
            for (c, row, down) in keys {
                list.edit(InputRequest::InsertChar(c));
                list.step(down);
                prop_assert!(list.chosen() < list.matches().len().max(1));
                list.choose(row);
                prop_assert!(list.chosen() < list.matches().len().max(1));
                list.edit(InputRequest::DeletePrevChar);
            }
        }
    }
}
