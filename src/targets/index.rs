//! Indices of targets, among all and among those of a stream; distinct types, since the numbers differ.

/// Position of a target in [`Targets::targets`](super::Targets::targets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetIndex(u16);

/// Position of a target among the targets of its stream: the order of the tallies in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamTargetIndex(u16);

macro_rules! index {
    ($name:ident) => {
        impl $name {
            /// # Panics
            /// Panics if `index` does not fit in 16 bits; files of targets are far smaller.
            pub fn new(index: usize) -> Self {
                Self(u16::try_from(index).expect("there are fewer than 65,536 targets"))
            }

            /// The position as an index of a slice.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index!(TargetIndex);
index!(StreamTargetIndex);
