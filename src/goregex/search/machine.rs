//! The machine that follows all ways through a pattern at once, over one character after the other.

use regex_syntax::hir::Look;

use super::super::Error;
use super::compile::Step;
use super::{Fuel, NOWHERE};

pub(super) struct Machine<'s> {
    steps: &'s [Step],
    pub(super) text: &'s [u8],
    now: Threads,
    next: Threads,
    stack: Vec<Visit>,
    /// The places of the thread that is being followed, and in the end of the match.
    pub(super) places: Vec<usize>,
}

/// The ways through the pattern that are open, each at its own step, the preferred ones first.
struct Threads {
    /// The steps in order, and for each step where it stands in the order if it does.
    order: Vec<usize>,
    index: Vec<usize>,
    places: Vec<usize>,
}

impl Threads {
    fn new(steps: usize, places: usize) -> Threads {
        Threads { order: Vec::with_capacity(steps), index: vec![0; steps], places: vec![NOWHERE; steps * places] }
    }

    /// Adds the step; false if it was there.
    fn insert(&mut self, step: usize) -> bool {
        if self.order.get(self.index[step]) == Some(&step) {
            return false;
        }
        self.index[step] = self.order.len();
        self.order.push(step);
        true
    }
}

/// What is left to do while following a way.
enum Visit {
    Step(usize),
    Restore(usize, usize),
}

impl<'s> Machine<'s> {
    /// For a text, with as many places of groups.
    pub(super) fn new(steps: &'s [Step], text: &'s [u8], places: usize) -> Machine<'s> {
        let threads = || Threads::new(steps.len(), places);
        Machine { steps, text, now: threads(), next: threads(), stack: Vec::new(), places: vec![NOWHERE; places] }
    }

    /// Finds the leftmost match that starts at `start` or later, and leaves its places.
    pub(super) fn find(&mut self, start: usize, fuel: &mut Fuel) -> Result<bool, Error> {
        let mut found: Option<Vec<usize>> = None;
        let mut at = start;
        self.next.order.clear();
        // What is next at one character is now at the one after it.
        while found.is_none() || !self.next.order.is_empty() {
            if found.is_none() {
                self.places.fill(NOWHERE);
                self.follow(0, at, fuel)?;
            }
            std::mem::swap(&mut self.now, &mut self.next);
            self.next.order.clear();
            let here = rune_at(self.text, at);
            found = self.advance(at, here, fuel)?.or(found);
            let Some((_, width)) = here else { break };
            at += width;
        }
        let is_found = found.is_some();
        if let Some(found) = found {
            self.places = found;
        }
        Ok(is_found)
    }

    /// Takes all ways over the character at `at`. The places of the match, if a way ends before that character; ways
    /// that come after it in order are given up.
    fn advance(
        &mut self,
        at: usize,
        here: Option<(char, usize)>,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<usize>>, Error> {
        let count = self.places.len();
        for order in 0..self.now.order.len() {
            let step = self.now.order[order];
            let places = step * count..(step + 1) * count;
            if let Step::Char(ranges) = &self.steps[step] {
                fuel.burn(1 + ranges.len() / 64)?;
            }
            match (&self.steps[step], here) {
                (Step::Match, _) => return Ok(Some(self.now.places[places].to_vec())),
                (Step::Char(ranges), Some((rune, width))) if has(ranges, rune) => {
                    self.places.copy_from_slice(&self.now.places[places]);
                    self.follow(step + 1, at + width, fuel)?;
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Goes from `step` as far as no character is needed, and notes where to go on at `at`.
    fn follow(&mut self, step: usize, at: usize, fuel: &mut Fuel) -> Result<(), Error> {
        self.stack.push(Visit::Step(step));
        while let Some(visit) = self.stack.pop() {
            match visit {
                Visit::Restore(place, before) => self.places[place] = before,
                Visit::Step(step) => self.follow_one(step, at, fuel)?,
            }
        }
        Ok(())
    }

    fn follow_one(&mut self, mut step: usize, at: usize, fuel: &mut Fuel) -> Result<(), Error> {
        let count = self.places.len();
        loop {
            fuel.burn(1)?;
            if !self.next.insert(step) {
                return Ok(());
            }
            match &self.steps[step] {
                Step::Split(first, second) => {
                    self.stack.push(Visit::Step(*second));
                    step = *first;
                }
                Step::Jump(to) => step = *to,
                Step::Save(place) => {
                    if *place < count {
                        self.stack.push(Visit::Restore(*place, self.places[*place]));
                        self.places[*place] = at;
                    }
                    step += 1;
                }
                Step::Look(look) if holds(*look, self.text, at) => step += 1,
                Step::Look(_) => return Ok(()),
                Step::Char(_) | Step::Match => {
                    fuel.burn(count / 8)?;
                    self.next.places[step * count..(step + 1) * count].copy_from_slice(&self.places);
                    return Ok(());
                }
            }
        }
    }
}

fn has(ranges: &[(char, char)], rune: char) -> bool {
    let at = ranges.partition_point(|&(_, last)| last < rune);
    ranges.get(at).is_some_and(|&(first, _)| first <= rune)
}

fn holds(look: Look, text: &[u8], at: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let (before, after) = (at.checked_sub(1).and_then(|before| text.get(before)), text.get(at));
    match look {
        Look::Start => at == 0,
        Look::End => at == text.len(),
        Look::StartLF => before.is_none_or(|&byte| byte == b'\n'),
        Look::EndLF => after.is_none_or(|&byte| byte == b'\n'),
        Look::WordAsciiNegate => is_word(before) == is_word(after),
        // No other is written by the translation but the word boundary.
        _ => is_word(before) != is_word(after),
    }
}

/// The character at `at` and its width; U+FFFD of width 1 for a byte that starts none.
pub(super) fn rune_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    let rest = text.get(at..)?;
    let first = *rest.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let chunk = rest[..rest.len().min(4)].utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |rune| (rune, rune.len_utf8())))
}
