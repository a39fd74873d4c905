//! The files of a build by number: what [`Place::file`](crate::object::Place) means.

use std::collections::HashMap;

/// Every file that was read, numbered from 1 in the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Files {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Files {
    /// The name of file `number`, as messages have it: its path in the tree, or its URL.
    pub fn name(&self, number: u32) -> Option<&str> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.names.get(at).map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(in crate::kustomize) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.names.push(name.to_owned());
        let number = u32::try_from(self.names.len()).expect("a build reads fewer files, see FILES_MAX");
        self.numbers.insert(name.to_owned(), number);
        number
    }
}
