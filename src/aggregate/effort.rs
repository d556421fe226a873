//! Counts the entries that searches and walks of the core look at, so that a test can hold the most that one record may
//! take. Costs nothing outside of unit tests.

#[cfg(test)]
thread_local! {
    static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts one look at an entry.
#[inline(always)]
pub(crate) fn count_look() {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + 1);
}

/// Takes the number of looks on this thread since the last call.
#[cfg(test)]
pub(crate) fn take_looks() -> u64 {
    LOOKS.take()
}
