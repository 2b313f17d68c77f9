//! How much text the documents in work may have in memory together.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// What each document has for itself. So small ones never wait for large ones.
const OWN_BYTES: u64 = 1 << 20;

/// Room is counted in KiB: the semaphore counts in 32 bits.
const UNIT_BYTES: u64 = 1 << 10;

/// The room that documents share. A document that needs more than the total gets all of it, and so runs alone.
pub(crate) struct Room {
    free: Arc<Semaphore>,
    units: u32,
}

/// The room that one document has, until it is dropped.
pub(super) struct Reserved {
    permit: OwnedSemaphorePermit,
    all: u32,
}

impl Room {
    pub fn new(mebibytes: u64) -> Self {
        let units = u32::try_from((mebibytes << 20) / UNIT_BYTES).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Waits until there is room for a text of so many bytes.
    pub(super) async fn reserve(&self, bytes: u64) -> Result<Reserved, AcquireError> {
        let permit = Arc::clone(&self.free).acquire_many_owned(units(bytes, self.units)).await?;
        Ok(Reserved { permit, all: self.units })
    }
}

impl Reserved {
    /// Whether a text of this many bytes has room. The unused rest is released.
    pub fn fit(&mut self, bytes: usize) -> bool {
        let needed = units(bytes as u64, self.all) as usize;
        let Some(surplus) = self.permit.num_permits().checked_sub(needed) else { return false };
        drop(self.permit.split(surplus));
        true
    }
}

fn units(bytes: u64, all: u32) -> u32 {
    let units = bytes.saturating_sub(OWN_BYTES).div_ceil(UNIT_BYTES);
    u32::try_from(units).unwrap_or(u32::MAX).min(all)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test]
    async fn large_texts_wait_for_room_and_small_ones_do_not() {
        let room = Room::new(10);
        let first = room.reserve(9 * MIB).await.unwrap();
        assert!(room.reserve(5 * MIB).now_or_never().is_none());
        assert!(room.reserve(MIB).now_or_never().is_some());
        drop(first);
        assert!(room.reserve(5 * MIB).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_text_larger_than_all_the_room_gets_all_of_it() {
        let room = Room::new(10);
        let mut all = room.reserve(1000 * MIB).now_or_never().unwrap().unwrap();
        assert!(room.reserve(2 * MIB).now_or_never().is_none());
        assert!(all.fit(500 << 20));
    }

    #[tokio::test]
    async fn room_that_a_text_does_not_need_is_given_back_and_a_larger_text_does_not_fit() {
        let room = Room::new(10);
        let mut reserved = room.reserve(11 * MIB).await.unwrap();
        assert!(reserved.fit(3 << 20));
        assert!(room.reserve(9 * MIB).now_or_never().is_some());
        assert!(!reserved.fit(4 << 20));
    }
}
