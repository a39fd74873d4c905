//! Texts in the forms of YAML: plain, in quotes, as a literal block. Texts with blanks are folded behind column 80.

use memchr::memchr;

use super::Writer;
use super::shape::{Form, Shape, is_break, is_printable};

/// A line is folded at the first blank behind so many characters.
const WIDTH: usize = 80;
/// The bytes that one of ASCII may take: `\x1F`.
const ESCAPED_BYTES_MAX: usize = 4;

impl Writer {
    /// Writes a text; further lines of it begin at `column`.
    pub(super) fn text(&mut self, text: &str, shape: Shape, column: usize) {
        match shape.form {
            Form::Literal => self.literal(text, shape, column),
            Form::Plain if !text.contains(' ') => self.out.push_str(text),
            _ if self.fits(text, shape) || begins_with_bom(text) => self.simple(text, shape),
            form => {
                self.out.push_str(quote(form));
                self.folded(text, form, column);
                self.out.push_str(quote(form));
            }
        }
    }

    /// Whether the text surely ends before the column where lines are folded, and brings no breaks of its own.
    fn fits(&self, text: &str, shape: Shape) -> bool {
        shape.is_ascii && self.out.len() - self.line_start + ESCAPED_BYTES_MAX * text.len() < WIDTH
    }

    /// Writes a text without folding it.
    pub(super) fn simple(&mut self, text: &str, shape: Shape) {
        self.out.push_str(quote(shape.form));
        if begins_with_bom(text) {
            text.chars().for_each(|c| self.escape(c));
        } else {
            self.word(text, shape.form, 0);
        }
        self.out.push_str(quote(shape.form));
    }

    fn folded(&mut self, text: &str, form: Form, column: usize) {
        let mut written = 0;
        while let Some(ahead) = memchr(b' ', &text.as_bytes()[written..]) {
            let start = written + ahead;
            let blanks = text[start..].bytes().take_while(|&byte| byte == b' ').count();
            self.word(&text[written..start], form, column);
            let is_inside = start > 0 && start + 1 < text.len();
            let is_foldable = is_inside && (blanks == 1 || form == Form::Double);
            written = start + blanks;
            if is_foldable && self.is_wide() {
                self.end_line();
                self.pad(column);
                // A backslash keeps the blanks that a line would begin with.
                self.out.push_str(if blanks > 1 { "\\" } else { "" });
                self.pad(blanks - 1);
            } else {
                self.pad(blanks);
            }
        }
        self.word(&text[written..], form, column);
    }

    /// Whether the last line goes beyond the column where lines are folded.
    fn is_wide(&self) -> bool {
        let line = &self.out[self.line_start..];
        line.len() > WIDTH && line.chars().count() > WIDTH
    }

    fn word(&mut self, word: &str, form: Form, column: usize) {
        match form {
            Form::Single if word.contains(|c| c == '\'' || is_break(c)) => self.single(word, column),
            Form::Double => self.double(word),
            _ => self.out.push_str(word),
        }
    }

    fn single(&mut self, word: &str, column: usize) {
        let mut is_broken = false;
        for c in word.chars() {
            if is_break(c) {
                self.out.push(c);
                self.line_start = self.out.len();
            } else {
                self.pad(if is_broken { column } else { 0 });
                self.out.push_str(if c == '\'' { "'" } else { "" });
                self.out.push(c);
            }
            is_broken = is_break(c);
        }
    }

    fn double(&mut self, word: &str) {
        let mut written = 0;
        let is_escaped = |c: char| matches!(c, '"' | '\\') || is_break(c) || !is_printable(c);
        for (at, c) in word.char_indices().filter(|&(_, c)| is_escaped(c)) {
            self.out.push_str(&word[written..at]);
            self.escape(c);
            written = at + c.len_utf8();
        }
        self.out.push_str(&word[written..]);
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.escape_in_hexadecimal(c),
        };
        self.out.extend(['\\', short]);
    }

    fn escape_in_hexadecimal(&mut self, c: char) {
        let code = u32::from(c);
        let escaped = match code {
            ..=0xff => format!("\\x{code:02X}"),
            0x100..=0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        self.out.push_str(&escaped);
    }

    fn literal(&mut self, text: &str, shape: Shape, column: usize) {
        self.out.push('|');
        // A text that begins with a blank or an empty line does not show its own indentation.
        self.out.push_str(if text.starts_with(|c| c == ' ' || is_break(c)) { "2" } else { "" });
        self.out.push_str(chomping(text));
        self.end_line();
        if shape.is_ascii {
            text.split_inclusive('\n').for_each(|line| self.line(line, column));
        } else {
            text.split_inclusive(is_break).for_each(|line| self.line(line, column));
        }
    }

    /// A line of a literal block with the break that ends it, if one does.
    fn line(&mut self, line: &str, column: usize) {
        self.pad(if line.starts_with(is_break) { 0 } else { column });
        self.out.push_str(line);
        if line.ends_with(is_break) {
            self.line_start = self.out.len();
        }
    }
}

fn quote(form: Form) -> &'static str {
    match form {
        Form::Single => "'",
        Form::Double => "\"",
        Form::Plain | Form::Literal => "",
    }
}

/// Go's writer escapes every character of a text that begins with a byte order mark.
fn begins_with_bom(text: &str) -> bool {
    text.starts_with('\u{feff}')
}

/// What becomes of the breaks at the end of a literal block: `-` for no break, nothing for one, `+` for more.
fn chomping(text: &str) -> &'static str {
    let mut backwards = text.chars().rev().map(is_break);
    match (backwards.next(), backwards.next()) {
        (Some(true), Some(false)) => "",
        (Some(true), _) => "+",
        _ => "-",
    }
}
