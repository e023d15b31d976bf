//! Bounded history that counts what it evicts and is cheap to share.

use std::collections::VecDeque;
use std::sync::Arc;

/// The newest `capacity` items, oldest first.
///
/// A clone shares the storage. The first push after a clone copies `capacity` pointers at most; with
/// no clone alive (replay, analysis) a push costs O(1). So publishing a snapshot never depends on how
/// much history there is.
#[derive(Debug)]
pub struct History<T> {
    items: Arc<VecDeque<Arc<T>>>,
    capacity: usize,
    evicted: u64,
}

impl<T> Clone for History<T> {
    fn clone(&self) -> Self {
        Self { items: Arc::clone(&self.items), capacity: self.capacity, evicted: self.evicted }
    }
}

impl<T> History<T> {
    /// An empty history that keeps at most `capacity` items (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { items: Arc::new(VecDeque::new()), capacity: capacity.max(1), evicted: 0 }
    }

    /// Appends `item`, evicting the oldest when full.
    pub fn push(&mut self, item: T) {
        let items = Arc::make_mut(&mut self.items);
        if items.len() >= self.capacity {
            items.pop_front();
            self.evicted += 1;
        }
        items.push_back(Arc::new(item));
    }

    /// Replaces the newest item by what `change` makes of it.
    pub fn update_last(&mut self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        if let Some(last) = Arc::make_mut(&mut self.items).back_mut() {
            change(Arc::make_mut(last));
        }
    }

    /// All retained items, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> + ExactSizeIterator {
        self.items.iter()
    }

    /// The last `limit` items, oldest first; `limit` 0 gives none.
    pub fn recent(&self, limit: usize) -> impl DoubleEndedIterator<Item = &Arc<T>> + ExactSizeIterator {
        self.items.range(self.items.len().saturating_sub(limit)..)
    }

    /// The item at `index`, 0 = oldest retained.
    pub fn get(&self, index: usize) -> Option<&Arc<T>> {
        self.items.get(index)
    }

    /// The newest item.
    pub fn last(&self) -> Option<&Arc<T>> {
        self.items.back()
    }

    /// How many items are retained.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is retained.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items were pushed out since the beginning.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many items can be retained.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_counts_the_rest() {
        let mut history = History::new(3);
        (0..5).for_each(|n| history.push(n));
        assert_eq!(history.iter().map(|n| **n).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!((history.len(), history.evicted()), (3, 2));
        assert_eq!(history.recent(2).map(|n| **n).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(history.recent(0).count(), 0);
    }

    #[test]
    fn a_clone_does_not_see_later_pushes() {
        let mut history = History::new(2);
        history.push(1);
        let snapshot = history.clone();
        history.push(2);
        history.update_last(|n| *n = 9);
        assert_eq!(snapshot.len(), 1);
        assert_eq!(history.last().map(|n| **n), Some(9));
    }
}
