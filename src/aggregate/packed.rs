//! Unaligned little-endian integers of 2, 4, 5 and 6 bytes, so that tables of many millions of entries stay small.
//! Memory and disk have the same bytes.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

macro_rules! packed {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable, Serialize, Deserialize)]
        #[repr(transparent)]
        pub(crate) struct $name([u8; $bytes]);

        impl $name {
            pub(crate) fn new(value: u64) -> Self {
                assert!(value >> (8 * $bytes) == 0, "{value} does not fit in {} bytes", $bytes);
                let mut bytes = [0; $bytes];
                bytes.copy_from_slice(&value.to_le_bytes()[..$bytes]);
                Self(bytes)
            }

            pub(crate) fn get(self) -> u64 {
                let mut bytes = [0; 8];
                bytes[..$bytes].copy_from_slice(&self.0);
                u64::from_le_bytes(bytes)
            }
        }
    };
}

packed!(U16, 2);
packed!(U32, 4);
packed!(
    /// A single amount in centavos: at most 10^12.
    U40,
    5
);
packed!(U48, 6);

/// An event time, or none. Event times lie between the years 2000 and 2100, so zero can stand for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable, Serialize, Deserialize)]
#[repr(transparent)]
pub(crate) struct PackedTime(U48);

impl PackedTime {
    pub(crate) const NONE: PackedTime = PackedTime(U48([0; 6]));

    pub(crate) fn at(time: Timestamp) -> Self {
        assert!(time > Timestamp::EPOCH, "event times are after 1970");
        Self(U48::new(time.as_millis() as u64))
    }

    pub(crate) fn get(self) -> Option<Timestamp> {
        let millis = self.0.get();
        (millis != 0).then_some(Timestamp::from_millis(millis as i64))
    }

    pub(crate) fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// Index of a slab entry, or none. Zero stands for none, so that zeroed memory links to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable, Serialize, Deserialize)]
#[repr(transparent)]
pub(crate) struct SlabLink(U32);

impl SlabLink {
    pub(crate) const NONE: SlabLink = SlabLink(U32([0; 4]));

    pub(crate) fn to(index: u32) -> Self {
        Self(U32::new(u64::from(index) + 1))
    }

    pub(crate) fn get(self) -> Option<u32> {
        (self.0.get() as u32).checked_sub(1)
    }

    pub(crate) fn is_some(self) -> bool {
        self != Self::NONE
    }
}
