//! Operations on text. Lengths and positions count UTF-16 code units, because the service does.

use std::borrow::Cow;

pub(crate) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where the part begins for the first time. An empty part begins at 0.
pub(crate) fn index(text: &str, part: &str) -> Option<usize> {
    text.find(part).map(|offset| length(&text[..offset]))
}

pub(crate) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    let start = text.len() - text.trim_start().len();
    let end = start + text.trim().len();
    cut(text, start, end)
}

pub(crate) fn lower_case(text: Cow<'_, str>) -> Cow<'_, str> {
    mapped(text, |c| single(c, c.to_lowercase()))
}

pub(crate) fn upper_case(text: Cow<'_, str>) -> Cow<'_, str> {
    // The culture-invariant mapping of the service keeps the dotless i, which the Unicode mapping makes an
    // `I`.
    mapped(text, |c| if c == 'ı' { c } else { single(c, c.to_uppercase()) })
}

/// The part from `start`, of the given length or up to the end. `None` if that is not inside the text, or if
/// it would cut a character of two code units in halves, which is no text.
pub(crate) fn substring(text: Cow<'_, str>, start: i32, length: Option<i32>) -> Option<Cow<'_, str>> {
    let start = usize::try_from(start).ok()?;
    // Nothing is cut out of a character by taking nothing, wherever that is.
    if length == Some(0) && start <= self::length(&text) {
        return Some(Cow::Borrowed(""));
    }
    let begin = offset(&text, start)?;
    let end = match length {
        Some(length) => begin + offset(&text[begin..], usize::try_from(length).ok()?)?,
        None => text.len(),
    };
    Some(cut(text, begin, end))
}

/// The byte offset after so many code units.
fn offset(text: &str, units: usize) -> Option<usize> {
    let mut passed = 0;
    for (offset, character) in text.char_indices() {
        if passed >= units {
            return (passed == units).then_some(offset);
        }
        passed += character.len_utf16();
    }
    (passed == units).then_some(text.len())
}

fn cut(text: Cow<'_, str>, start: usize, end: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    }
}

/// Only allocates for a text that changes.
fn mapped(text: Cow<'_, str>, map: impl Fn(char) -> char) -> Cow<'_, str> {
    if text.chars().all(|c| map(c) == c) {
        return text;
    }
    Cow::Owned(text.chars().map(map).collect())
}

/// The service maps one character to one, so a character whose mapping is longer stays as it is.
fn single(character: char, mut mapping: impl Iterator<Item = char>) -> char {
    match (mapping.next(), mapping.next()) {
        (Some(mapped), None) => mapped,
        _ => character,
    }
}
