//! Guesses of the next member of an object: what stood there in earlier objects.
//!
//! Producers write the same keys in the same order with the same white space. So the text from the end of a value to
//! the beginning of the next, such as `,"credit":"`, is remembered by the member before it, and found again by one
//! comparison of 32 bytes. That replaces a search for the key's end, the look-up of its field and four searches for
//! white space, and saves 1,460 of 6,940 instructions for a record of the benchmarks' load.
//!
//! A guess is compared with all of the text that it stands for, in the same state of the grammar in which it was read.
//! So it can cost time, and change nothing.

use crate::decode::field::Field;

/// Maximum length of a remembered text. Bytes.
const MAX_BYTES: usize = 32;
/// Guesses for each place, since optional members come and go and producers of several formats take turns. The third
/// one saves 64 instructions a record of the mixed load, the second one 180.
const WAYS: usize = 3;

/// Position between the members of an object, by the member before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Place(u8);

impl Place {
    /// Beginning of a record's object.
    pub(in crate::decode) const RECORD: Place = Place(Field::COUNT as u8);
    /// Beginning of the data's object.
    pub(in crate::decode) const DATA: Place = Place(Field::COUNT as u8 + 1);
    const FIRST_UNKNOWN: usize = Field::COUNT + 2;
    const COUNT: usize = 32;

    /// Position behind the member of a key. Unknown ones share a few places; that two meet costs only time.
    fn behind(field: Option<Field>, key: &[u8]) -> Self {
        let unknown = || {
            let hash = key.iter().fold(0_usize, |hash, &byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
            Self::FIRST_UNKNOWN + hash % (Self::COUNT - Self::FIRST_UNKNOWN)
        };
        Place(field.map_or_else(unknown, |field| field as usize) as u8)
    }
}

/// A member that stood at a place.
#[derive(Debug, Clone, Copy)]
struct Guess {
    /// Remembered text as numbers, zeros behind it.
    text: [u128; 2],
    /// Ones where the text is.
    mask: [u128; 2],
    member: GuessedMember,
}

/// A member whose value follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuessedMember {
    /// `None` if the key is unknown.
    pub(super) field: Option<Field>,
    /// True if the quote that opens a string is part of the text.
    pub(super) opens_string: bool,
    /// Length of the text. Bytes.
    pub(super) length: usize,
    /// Place behind the member.
    pub(super) place: Place,
}

impl Guess {
    /// Fits no text in UTF-8, which has no byte of ones.
    const NONE: Guess = Guess {
        text: [u128::MAX; 2],
        mask: [u128::MAX; 2],
        member: GuessedMember { field: None, opens_string: false, length: 0, place: Place::RECORD },
    };

    #[inline(always)]
    fn fits(&self, text: [u128; 2]) -> bool {
        (text[0] ^ self.text[0]) & self.mask[0] == 0 && (text[1] ^ self.text[1]) & self.mask[1] == 0
    }
}

/// Table of guesses by place.
#[derive(Debug)]
pub(in crate::decode) struct Guesses([[Guess; WAYS]; Place::COUNT]);

impl Default for Guesses {
    fn default() -> Self {
        Self([[Guess::NONE; WAYS]; Place::COUNT])
    }
}

impl Guesses {
    /// Member at `at`, if one that stood at the place before stands there.
    #[inline(always)]
    pub(super) fn next(&self, bytes: &[u8], at: usize, place: Place) -> Option<GuessedMember> {
        let rest = bytes.get(at..)?;
        let text = match rest.first_chunk::<MAX_BYTES>() {
            Some(text) => words(text),
            None if rest.starts_with(b"}") => return None,
            None => words(&padded(rest)),
        };
        let guesses = &self.0[usize::from(place.0) % Place::COUNT];
        guesses.iter().find(|guess| guess.fits(text)).map(|guess| guess.member)
    }

    /// Remembers the text before a member's value in place of the older guess, and returns the place behind the member.
    #[cold]
    pub(super) fn remember(
        &mut self,
        place: Place,
        text: &[u8],
        key: &str,
        opens_string: bool,
    ) -> (Option<Field>, Place) {
        let key = key.as_bytes();
        let field = Field::from_name(key);
        let behind = Place::behind(field, key);
        if text.len() <= MAX_BYTES {
            let member = GuessedMember { field, opens_string, length: text.len(), place: behind };
            let mut mask = [0; MAX_BYTES];
            mask[..text.len()].fill(u8::MAX);
            let guesses = &mut self.0[usize::from(place.0) % Place::COUNT];
            guesses.rotate_right(1);
            guesses[0] = Guess { text: words(&padded(text)), mask: words(&mask), member };
        }
        (field, behind)
    }
}

/// Text of at most 32 bytes with zeros behind it, which stand for themselves in no JSON.
#[inline]
fn padded(text: &[u8]) -> [u8; MAX_BYTES] {
    let mut padded = [0; MAX_BYTES];
    padded[..text.len()].copy_from_slice(text);
    padded
}

#[inline(always)]
fn words(text: &[u8; MAX_BYTES]) -> [u128; 2] {
    bytemuck::cast(*text)
}
