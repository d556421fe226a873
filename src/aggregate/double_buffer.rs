//! Two buffers of figures: the current one is shown, the next one is built for other targets and replaces it once
//! complete.

/// Current figures, and the next ones while they are built.
#[derive(Debug)]
pub(crate) struct DoubleBuffer<T> {
    current: T,
    next: Option<T>,
}

impl<T> DoubleBuffer<T> {
    pub(crate) fn new(current: T) -> Self {
        Self { current, next: None }
    }

    /// Figures that are shown.
    pub(crate) fn current(&mut self) -> &mut T {
        &mut self.current
    }

    /// Staged figures.
    pub(crate) fn next(&mut self) -> Option<&mut T> {
        self.next.as_mut()
    }

    /// Stages figures beside the current ones; replaces figures staged before.
    pub(crate) fn stage(&mut self, next: T) {
        self.next = Some(next);
    }

    /// Makes the staged figures current.
    pub(crate) fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            self.current = next;
        }
    }

    /// Applies a change to both.
    pub(crate) fn each(&mut self, change: impl Fn(&mut T)) {
        change(&mut self.current);
        self.next.as_mut().into_iter().for_each(change);
    }
}
