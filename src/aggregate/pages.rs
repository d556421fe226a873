//! Pages of 256 entries of one size. A checkpoint stores them byte for byte as they are in memory.
//!
//! An image is copied while its table goes on changing: a page that changes for the first time after
//! [`PagedTable::begin`] is copied just before the change (copy on write); the others are copied by
//! [`PagedTable::copy`], a few at a time. While no image is in progress this costs one branch a change. All pages of
//! one entry size are equal, so memory that one table returns serves the next.

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::image::{PageChunk, PageRange, PageSink, TableLayout};

/// Number of entries in a page.
pub(crate) const PAGE: usize = 256;

/// Pages of entries without padding, alignment or pointers. Zeroed memory is an empty entry.
pub(crate) struct Pages<E> {
    pages: Vec<Box<[E; PAGE]>>,
    copying: Option<Copying>,
}

/// An image in progress.
struct Copying {
    region: u16,
    sink: PageSink,
    /// True for each page of the beginning that is not copied yet.
    left: Vec<bool>,
    /// Lower pages are copied.
    next: usize,
}

/// A table of pages, independent of its entry type. An image calls it a *region*.
pub(crate) trait PagedTable {
    /// Size and number of pages.
    fn shape(&self) -> TableLayout;
    /// Begins an image: each page of now is copied once, as it is now, to `sink` before its next change or by
    /// [`Self::copy`].
    fn begin(&mut self, region: u16, sink: &PageSink);
    /// Appends pages that are not copied yet to `chunk` until it holds at least `bytes`. False if all are copied.
    fn copy(&mut self, bytes: usize, chunk: &mut PageChunk) -> bool;
    /// Ends the image.
    fn end(&mut self);
    /// Bytes of every page.
    fn bytes(&self) -> Vec<&[u8]>;
    /// Bytes of every page, for reading a checkpoint into them.
    fn bytes_mut(&mut self) -> Vec<&mut [u8]>;
}

impl<E: Pod> Pages<E> {
    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), copying: None }
    }

    fn of(count: usize) -> Self {
        Self { pages: (0..count).map(|_| bytemuck::allocation::zeroed_box()).collect(), copying: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    pub(crate) fn page(&self, page: usize) -> Option<&[E; PAGE]> {
        self.pages.get(page).map(|page| &**page)
    }

    pub(crate) fn page_mut(&mut self, page: usize) -> &mut [E; PAGE] {
        if self.copying.is_some() {
            self.save(page);
        }
        &mut self.pages[page]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    /// Adds an empty page.
    pub(crate) fn push(&mut self) {
        self.pages.push(bytemuck::allocation::zeroed_box());
    }

    /// Takes all pages out.
    pub(crate) fn take(&mut self) -> Vec<Box<[E; PAGE]>> {
        (0..self.pages.len()).for_each(|page| self.save(page));
        std::mem::take(&mut self.pages)
    }

    pub(crate) fn entry(&self, index: usize) -> &E {
        &self.pages[index / PAGE][index % PAGE]
    }

    pub(crate) fn entry_mut(&mut self, index: usize) -> &mut E {
        &mut self.page_mut(index / PAGE)[index % PAGE]
    }

    /// Copies a page that is about to change, unless it is copied already.
    #[cold]
    fn save(&mut self, page: usize) {
        let Some(copying) = &mut self.copying else { return };
        if copying.left.get(page).is_some_and(|&left| left) {
            copying.left[page] = false;
            let run = PageRange { region: copying.region, first: page as u32, count: 1 };
            (copying.sink)(PageChunk { runs: vec![run], bytes: bytemuck::cast_slice(&self.pages[page][..]).to_vec() });
        }
    }
}

impl<E: Pod> PagedTable for Pages<E> {
    /// Size and number of pages.
    fn shape(&self) -> TableLayout {
        let page_bytes = (PAGE * size_of::<E>()) as u32;
        TableLayout { page_bytes, pages: u32::try_from(self.pages.len()).expect("a region holds at most 2^32 pages") }
    }

    fn begin(&mut self, region: u16, sink: &PageSink) {
        self.copying = Some(Copying { region, sink: sink.clone(), left: vec![true; self.pages.len()], next: 0 });
    }

    fn copy(&mut self, bytes: usize, chunk: &mut PageChunk) -> bool {
        let Some(copying) = &mut self.copying else { return false };
        while copying.next < copying.left.len() && chunk.bytes.len() < bytes {
            let page = copying.next;
            copying.next += 1;
            if !std::mem::take(&mut copying.left[page]) {
                continue;
            }
            match chunk
                .runs
                .last_mut()
                .filter(|run| run.region == copying.region && (run.first + run.count) as usize == page)
            {
                Some(run) => run.count += 1,
                None => chunk.runs.push(PageRange { region: copying.region, first: page as u32, count: 1 }),
            }
            chunk.bytes.extend_from_slice(bytemuck::cast_slice(&self.pages[page][..]));
        }
        copying.next < copying.left.len()
    }

    fn end(&mut self) {
        self.copying = None;
    }

    fn bytes(&self) -> Vec<&[u8]> {
        self.pages.iter().map(|page| bytemuck::cast_slice(&page[..])).collect()
    }

    fn bytes_mut(&mut self) -> Vec<&mut [u8]> {
        self.pages.iter_mut().map(|page| bytemuck::cast_slice_mut(&mut page[..])).collect()
    }
}

impl<E> std::fmt::Debug for Pages<E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} pages", self.pages.len())
    }
}

/// A checkpoint's body contains only the number of pages; they are zeroed after reading, and filled from the regions.
impl<E> Serialize for Pages<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pages.len().serialize(serializer)
    }
}

impl<'a, E: Pod> Deserialize<'a> for Pages<E> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(usize::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    proptest! {
        /// No change, addition or removal during an image alters it.
        #[test]
        fn an_image_is_of_the_instant_it_was_begun(before in 0..6_usize, steps in prop::collection::vec((0..4_u8, 0..2_000_usize), 0..40)) {
            let mut pages = Pages::<[u8; 3]>::of(before);
            (0..before * PAGE).for_each(|index| *pages.entry_mut(index) = [1, index as u8, (index >> 8) as u8]);
            let expected: Vec<u8> = pages.bytes().concat();
            let chunks = Arc::new(Mutex::new(Vec::new()));
            let sink = Arc::clone(&chunks);
            pages.begin(7, &(Arc::new(move |chunk| sink.lock().unwrap().push(chunk)) as PageSink));
            for (step, index) in steps {
                match step {
                    0 => pages.push(),
                    1 if pages.len() > 0 => *pages.entry_mut(index % (pages.len() * PAGE)) = [9; 3],
                    2 => drop(pages.take()),
                    _ => {
                        let mut chunk = PageChunk { runs: Vec::new(), bytes: Vec::new() };
                        pages.copy(index, &mut chunk);
                        chunks.lock().unwrap().push(chunk);
                    }
                }
            }
            let mut rest = PageChunk { runs: Vec::new(), bytes: Vec::new() };
            prop_assert!(!pages.copy(usize::MAX, &mut rest));
            chunks.lock().unwrap().push(rest);
            let page_bytes = 3 * PAGE;
            let mut copied = vec![None; before];
            for chunk in chunks.lock().unwrap().iter() {
                let numbers = chunk.runs.iter().inspect(|run| assert_eq!(run.region, 7)).flat_map(|run| run.first..run.first + run.count);
                for (number, bytes) in numbers.zip(chunk.bytes.chunks(page_bytes)) {
                    prop_assert!(copied[number as usize].replace(bytes.to_vec()).is_none(), "a page is copied once");
                }
            }
            let copied: Vec<u8> = copied.into_iter().map(|page| page.expect("every page is copied")).collect::<Vec<_>>().concat();
            prop_assert_eq!(copied, expected);
        }
    }
}
