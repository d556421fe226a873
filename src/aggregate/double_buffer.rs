//! Figures for some targets, and the same for others that will take their place once they are filled.

#[derive(Debug)]
pub(crate) struct DoubleBuffer<T> {
    current: T,
    next: Option<T>,
}

impl<T> DoubleBuffer<T> {
    pub(crate) fn new(current: T) -> Self {
        Self { current, next: None }
    }

    /// What is shown.
    pub(crate) fn current(&mut self) -> &mut T {
        &mut self.current
    }

    /// What will be.
    pub(crate) fn next(&mut self) -> Option<&mut T> {
        self.next.as_mut()
    }

    pub(crate) fn stage(&mut self, next: T) {
        self.next = Some(next);
    }

    /// Shows what was prepared.
    pub(crate) fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            self.current = next;
        }
    }

    /// Keeps both up.
    pub(crate) fn each(&mut self, change: impl Fn(&mut T)) {
        change(&mut self.current);
        self.next.as_mut().into_iter().for_each(change);
    }
}
