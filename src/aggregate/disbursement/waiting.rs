//! Returns that wait for a dispersal of their support: a linked list for each support, oldest first
//! (`spec/figures.md#returns`).

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::support::Support;
use crate::aggregate::labels::LabelId;
use crate::aggregate::packed::{SlabLink, U16, U40};
use crate::aggregate::pages::PagedTable;
use crate::aggregate::slab::{Slab, SlabEntry};
use crate::aggregate::table::{Table, TableEntry};
use crate::event::{Centavos, DisbursementKind, Hash128};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WaitingReturns {
    lists: Table<ReturnList>,
    returns: Slab<ReturnEntry>,
}

/// A return, or the remainder of one, that found nothing to take from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WaitingReturn {
    pub programme: LabelId,
    /// Remaining centavos, above zero.
    pub amount: Centavos,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ReturnList {
    credit: Hash128,
    first: SlabLink,
    last: SlabLink,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ReturnEntry {
    programme: U16,
    amount: U40,
    next: SlabLink,
}

impl TableEntry for ReturnList {
    fn key(&self) -> Hash128 {
        self.credit
    }
}

impl SlabEntry for ReturnEntry {
    fn vacant(next: SlabLink) -> Self {
        Self { next, ..Self::zeroed() }
    }

    fn next_vacant(&self) -> Option<SlabLink> {
        (self.amount.get() == 0).then_some(self.next)
    }
}

impl WaitingReturns {
    pub(crate) fn new() -> Self {
        Self { lists: Table::new(), returns: Slab::new() }
    }

    /// True if a return of the support waits.
    pub(crate) fn has_returns(&self, support: &Support) -> bool {
        support.has(DisbursementKind::Returned) && self.lists.get(&support.key()).is_some()
    }

    /// Adds the newest return of a support.
    pub(crate) fn push(&mut self, credit: &Hash128, waiting: WaitingReturn) {
        let item = ReturnEntry {
            programme: U16::new(u64::from(waiting.programme)),
            amount: U40::new(waiting.amount),
            next: SlabLink::NONE,
        };
        let link = SlabLink::to(self.returns.insert(item));
        match self.lists.get_mut(credit) {
            Some(list) => {
                let last = std::mem::replace(&mut list.last, link).get().expect("a list has a last return");
                self.returns.get_mut(last).next = link;
            }
            None => self.lists.insert(ReturnList { credit: *credit, first: link, last: link }),
        }
    }

    /// Oldest waiting return of a support.
    pub(crate) fn oldest(&self, credit: &Hash128) -> Option<WaitingReturn> {
        let item = self.returns[self.lists.get(credit)?.first.get()?];
        Some(WaitingReturn { programme: item.programme.get() as LabelId, amount: item.amount.get() })
    }

    /// Sets the remainder of a support's oldest return; zero removes it.
    ///
    /// # Panics
    /// Panics if no return of the support waits.
    pub(crate) fn set_oldest(&mut self, credit: &Hash128, left: Centavos) {
        let first = self.lists.get(credit).and_then(|list| list.first.get()).expect("a return waits");
        if left > 0 {
            self.returns.get_mut(first).amount = U40::new(left);
            return;
        }
        let next = self.returns[first].next;
        self.returns.remove(first);
        if next.is_some() {
            self.lists.get_mut(credit).expect("a return waits").first = next;
        } else {
            self.lists.remove(credit);
        }
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.lists.regions().chain([self.returns.region()])
    }
}
