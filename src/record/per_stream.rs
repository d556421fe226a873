//! One value for each stream.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use super::Stream;

/// One value for each [`Stream`], indexed by it. Serialized as an array in the order of [`Stream::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerStream<T>([T; Stream::ALL.len()]);

impl<T> PerStream<T> {
    /// Takes the values in the order of [`Stream::ALL`].
    pub const fn new(values: [T; Stream::ALL.len()]) -> Self {
        Self(values)
    }

    /// Creates the value of each stream with `value`.
    pub fn from_fn(value: impl FnMut(Stream) -> T) -> Self {
        Self(Stream::ALL.map(value))
    }

    /// Converts each value.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> PerStream<U> {
        PerStream(self.0.map(convert))
    }

    /// Streams with their values, in the order of [`Stream::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Stream, &T)> {
        Stream::ALL.into_iter().zip(&self.0)
    }

    /// Streams with their mutable values, in the order of [`Stream::ALL`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Stream, &mut T)> {
        Stream::ALL.into_iter().zip(&mut self.0)
    }

    /// Values in the order of [`Stream::ALL`].
    pub fn as_array(&self) -> &[T; Stream::ALL.len()] {
        &self.0
    }
}

impl<T> Index<Stream> for PerStream<T> {
    type Output = T;

    fn index(&self, stream: Stream) -> &T {
        &self.0[stream as usize]
    }
}

impl<T> IndexMut<Stream> for PerStream<T> {
    fn index_mut(&mut self, stream: Stream) -> &mut T {
        &mut self.0[stream as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_the_value_made_for_it() {
        let mut names = PerStream::from_fn(Stream::name);
        assert!(Stream::ALL.into_iter().all(|stream| names[stream] == stream.name()));
        assert_eq!(names.map(str::len).as_array(), &[12, 4, 9]);
        names[Stream::Call] = "other";
        assert_eq!(names.iter().find(|(_, name)| **name == "other").map(|(stream, _)| stream), Some(Stream::Call));
    }

    #[test]
    fn is_stored_as_an_array() {
        let values = PerStream::from_fn(|stream| stream as i64 * 100);
        assert_eq!(serde_json::to_string(&values).unwrap(), "[0,100,200]");
        let bytes = postcard::to_allocvec(&[0_i64, 100, 200]).unwrap();
        assert_eq!(postcard::from_bytes::<PerStream<i64>>(&bytes).unwrap(), values);
    }
}
