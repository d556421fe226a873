//! Positions of panels: each goes to the highest place that is free for its width, and there to the left.

/// Width of a dashboard, in columns.
pub(super) const COLUMNS: usize = 24;

/// Position and size of a panel, in columns and rows of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GridPosition {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Lowest row that is used, by column.
pub(super) struct Grid([usize; COLUMNS]);

impl Grid {
    pub(super) fn new() -> Self {
        Self([0; COLUMNS])
    }

    /// Places a panel below everything above it.
    ///
    /// # Panics
    /// Panics if the panel is wider than the dashboard.
    pub(super) fn place(&mut self, width: usize, height: usize) -> GridPosition {
        assert!((1..=COLUMNS).contains(&width), "a panel of {width} columns");
        let depth = |x: usize| self.0[x..x + width].iter().copied().max().unwrap_or(0);
        let x = (0..=COLUMNS - width).min_by_key(|&x| depth(x)).unwrap_or(0);
        let y = depth(x);
        self.0[x..x + width].fill(y + height);
        GridPosition { x, y, width, height }
    }

    /// Places the heading of a section over the whole width.
    pub(super) fn heading(&mut self) -> GridPosition {
        self.place(COLUMNS, 1)
    }
}
