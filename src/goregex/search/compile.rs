//! A pattern as the steps of the machine that searches for it.

use std::rc::Rc;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::super::{Error, LEVELS_MAX};
use super::Fuel;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One character out of these ranges.
    Char(Rc<[(char, char)]>),
    /// Goes on in two ways, the first one preferred.
    Split(usize, usize),
    Jump(usize),
    /// The current place is the start (even) or the end (odd) of a group.
    Save(usize),
    Look(Look),
    Match,
}

/// Compiles a translated pattern.
pub(super) fn compile(translated: &str, fuel: &mut Fuel) -> Result<Vec<Step>, Error> {
    fuel.burn(parsing_units(translated))?;
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(LEVELS_MAX).build();
    let hir = parser.parse(translated).map_err(|error| Error::from_syntax(&error))?;
    let mut compiler = Compiler { steps: Vec::new(), fuel };
    compiler.group(0, &hir)?;
    compiler.push(Step::Match)?;
    Ok(compiler.steps)
}

/// What reading a translated pattern takes: folding the cases of a class goes through each of its characters.
fn parsing_units(translated: &str) -> usize {
    let folds = translated.contains("(?i:");
    let code = |digits: &str| digits.split_once('}').and_then(|(digits, _)| usize::from_str_radix(digits, 16).ok());
    let width = |(at, _): (usize, &str)| {
        let low = translated[..at].rsplit_once(r"\x{").and_then(|(_, low)| code(low));
        low.zip(code(&translated[at + 4..])).map_or(0, |(low, high)| high.saturating_sub(low))
    };
    let ranges: usize = if folds { translated.match_indices(r"-\x{").map(width).sum() } else { 0 };
    let widest = [r"\p{any}", r"\p{assigned}", "[^"].iter().map(|wide| translated.matches(wide).count()).sum::<usize>();
    let named = translated.matches(r"\p{").count();
    translated.len() * 20 + ranges + if folds { named * 20_000 + widest * 400_000 } else { named * 500 }
}

struct Compiler<'f> {
    steps: Vec<Step>,
    fuel: &'f mut Fuel,
}

impl Compiler<'_> {
    fn push(&mut self, step: Step) -> Result<usize, Error> {
        self.fuel.burn(8)?;
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn hir(&mut self, hir: &Hir) -> Result<(), Error> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                for rune in String::from_utf8_lossy(&literal.0).chars() {
                    self.push(Step::Char(Rc::new([(rune, rune)])))?;
                }
            }
            HirKind::Class(class) => self.class(class)?,
            HirKind::Look(look) => {
                self.push(Step::Look(*look))?;
            }
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => self.group(capture.index as usize, &capture.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.hir(part))?,
            HirKind::Alternation(ways) => self.alternation(ways)?,
        }
        Ok(())
    }

    fn group(&mut self, index: usize, sub: &Hir) -> Result<(), Error> {
        self.push(Step::Save(2 * index))?;
        self.hir(sub)?;
        self.push(Step::Save(2 * index + 1))?;
        Ok(())
    }

    fn class(&mut self, class: &Class) -> Result<(), Error> {
        let ranges: Rc<[(char, char)]> = match class {
            Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
            Class::Bytes(class) => {
                class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
            }
        };
        self.fuel.burn(ranges.len())?;
        self.push(Step::Char(ranges))?;
        Ok(())
    }

    fn alternation(&mut self, ways: &[Hir]) -> Result<(), Error> {
        let Some((last, others)) = ways.split_last() else { return Ok(()) };
        let mut jumps = Vec::new();
        for way in others {
            let split = self.push(Step::Jump(0))?;
            self.hir(way)?;
            jumps.push(self.push(Step::Jump(0))?);
            self.steps[split] = Step::Split(split + 1, self.steps.len());
        }
        self.hir(last)?;
        for jump in jumps {
            self.steps[jump] = Step::Jump(self.steps.len());
        }
        Ok(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), Error> {
        let (min, sub) = (repetition.min, &repetition.sub);
        match repetition.max {
            Some(max) => {
                (0..min).try_for_each(|_| self.hir(sub))?;
                self.optional(max - min, repetition.greedy, |compiler| compiler.hir(sub))
            }
            None if min > 0 => {
                (1..min).try_for_each(|_| self.hir(sub))?;
                self.at_least_once(sub, repetition.greedy)
            }
            // What may be empty is tried once before it is left out, which decides what is preferred.
            None if sub.properties().minimum_len() == Some(0) => {
                self.optional(1, repetition.greedy, |compiler| compiler.at_least_once(sub, repetition.greedy))
            }
            None => {
                let split = self.push(Step::Jump(0))?;
                self.hir(sub)?;
                self.push(Step::Jump(split))?;
                self.steps[split] = ways(repetition.greedy, split + 1, self.steps.len());
                Ok(())
            }
        }
    }

    fn at_least_once(&mut self, sub: &Hir, greedy: bool) -> Result<(), Error> {
        let start = self.steps.len();
        self.hir(sub)?;
        let after = self.steps.len() + 1;
        self.push(ways(greedy, start, after))?;
        Ok(())
    }

    /// Up to `times` times, each only after the one before.
    fn optional(
        &mut self,
        times: u32,
        greedy: bool,
        mut once: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut splits = Vec::new();
        for _ in 0..times {
            splits.push(self.push(Step::Jump(0))?);
            once(self)?;
        }
        for split in splits {
            self.steps[split] = ways(greedy, split + 1, self.steps.len());
        }
        Ok(())
    }
}

fn ways(greedy: bool, on: usize, out: usize) -> Step {
    if greedy { Step::Split(on, out) } else { Step::Split(out, on) }
}
