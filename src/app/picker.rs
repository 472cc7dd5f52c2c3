//! A list that is narrowed down by typing: fuzzy matches, the best first.

mod filter;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::{Input, InputRequest};

use crate::domain::Domain;
use filter::Query;

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

/// What tells the attributes of a list's items.
#[derive(Clone, Copy)]
struct Attributes(&'static dyn Domain);

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Attributes").field(&self.0.name()).finish()
    }
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
    /// Where the items are samples, what filters by label and attribute go by.
    attributes: Option<Attributes>,
    /// The items' values of the attributes, once a filter asked for them.
    values: Vec<Option<Vec<Option<f32>>>>,
}

impl Picker {
    /// All items, in their order.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Self {
        let matches = (0..items.len()).collect();
        let input = Input::default();
        Self { items, matches, input, chosen: 0, attributes: None, values: Vec::new() }
    }

    /// All items, which are texts of a domain with their labels as details. `label:` and `has:` filter them.
    #[must_use]
    pub fn of_samples(items: Vec<Item>, domain: Option<&'static dyn Domain>) -> Self {
        let values = vec![None; items.len()];
        Self { attributes: domain.map(Attributes), values, ..Self::new(items) }
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
        let query = self.query();
        let pattern = Pattern::parse(&query.pattern, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for i in 0..self.items.len() {
            if !self.passes(i, &query) {
                continue;
            }
            let item = &self.items[i];
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

    fn query(&self) -> Query {
        let typed = self.input.value();
        match self.attributes {
            Some(Attributes(domain)) => Query::parse(typed, domain.attributes()),
            None => Query { pattern: typed.to_owned(), ..Query::default() },
        }
    }

    /// Whether an item is what the filters ask for. Attributes are measured once, when they are asked for.
    fn passes(&mut self, item: usize, query: &Query) -> bool {
        let Some(Attributes(domain)) = self.attributes.filter(|_| !query.filters.is_empty()) else {
            return true;
        };
        let Item { text, detail } = &self.items[item];
        let values = match self.values.get_mut(item) {
            Some(values) if query.wants_values() => {
                values.get_or_insert_with(|| domain.attribute_values(text)).as_slice()
            }
            _ => &[],
        };
        query.filters.iter().all(|filter| filter.holds(detail, domain.attributes(), values))
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

    #[test]
    fn samples_are_filtered_by_label_and_attribute() {
        let item = |text: &str, detail: &str| Item { text: text.into(), detail: detail.into() };
        let items = vec![item("f(x)", "one"), item("x = 'f'", "two"), item("g('f')", "two")];
        let list = Picker::of_samples(items, crate::domain::domain("python").ok());
        let found = |query: &str| {
            let picker = typed(list.clone(), query);
            picker.matches().map(|(i, _)| i).collect::<Vec<_>>()
        };
        assert_eq!(found("label:two"), [1, 2]);
        assert_eq!(found("has:call"), [0, 2]);
        assert_eq!(found("has:call has:string"), [2]);
        assert_eq!(found("label:two g("), [2]);
        assert_eq!(found("length<5"), [0]);
        assert_eq!(found("has:lambda"), [0; 0]);
        // In a list of commands these are letters as any other.
        let commands = typed(picker(&["label:two", "x"]), "label:two");
        assert_eq!(shown(&commands), ["label:two"]);
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
