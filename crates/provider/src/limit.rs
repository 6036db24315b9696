//! How many calls one provider configuration takes at once: as many as it bears, found by asking.
//!
//! Like the congestion window of TCP (additive increase, multiplicative decrease): the window halves when the other side says
//! that it is asked too often, and grows by one for each window of calls that went well. Whoever waits is served in the order
//! of arrival, and holds no place under any other limit meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The window of one provider configuration.
#[derive(Debug)]
pub struct Throttle {
    /// Has a permit for each call that may begin.
    free: Arc<Semaphore>,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    /// How many calls may be under way.
    size: usize,
    /// No more than these, however well it goes.
    most: usize,
    /// Calls under way beyond the size: as many permits are not given back.
    excess: usize,
    /// Calls that went well since the window last changed.
    went_well: usize,
    /// Counts the halvings. A call that began before the last one says nothing new.
    epoch: u64,
}

/// A call's place in the window.
#[derive(Debug)]
pub struct Place {
    throttle: Arc<Throttle>,
    permit: Option<OwnedSemaphorePermit>,
    epoch: u64,
}

impl Throttle {
    /// A window that begins at its most, and is never less than one.
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.max(1);
        let window = Window { size: most, most, excess: 0, went_well: 0, epoch: 0 };
        Arc::new(Throttle { free: Arc::new(Semaphore::new(most)), window: Mutex::new(window) })
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls may be under way now.
    pub fn size(&self) -> usize {
        self.window().size
    }

    /// Waits for a place, behind all who came before.
    pub async fn enter(self: &Arc<Self>) -> Place {
        // The semaphore is never closed.
        let permit = self.free.clone().acquire_owned().await.ok();
        let epoch = self.window().epoch;
        Place { throttle: self.clone(), permit, epoch }
    }
}

impl Place {
    /// The call was refused, because there were too many.
    pub fn refused(&mut self) {
        let mut window = self.throttle.window();
        if self.epoch != window.epoch {
            return;
        }
        window.epoch += 1;
        window.went_well = 0;
        let size = window.size.div_ceil(2);
        let surplus = window.size - size;
        window.size = size;
        // What nobody uses is taken back at once, the rest when its call ends.
        let taken = self.throttle.free.forget_permits(surplus);
        window.excess += surplus - taken;
    }

    /// The call went well.
    pub fn went_well(&self) {
        let mut window = self.throttle.window();
        window.went_well += 1;
        if window.size == window.most || window.went_well < window.size {
            return;
        }
        window.went_well = 0;
        window.size += 1;
        if window.excess > 0 {
            window.excess -= 1;
        } else {
            self.throttle.free.add_permits(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut window = self.throttle.window();
        if window.excess > 0 {
            window.excess -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// A place that is free at once.
    fn place(throttle: &Arc<Throttle>) -> Option<Place> {
        throttle.enter().now_or_never()
    }

    #[test]
    fn the_window_halves_once_for_all_calls_of_its_time() {
        let throttle = Throttle::new(8);
        let mut places: Vec<Place> = (0..8).map(|_| place(&throttle).unwrap()).collect();
        assert!(place(&throttle).is_none());
        for p in &mut places {
            p.refused();
        }
        assert_eq!(throttle.size(), 4);
        // Four more have to end before anyone new may begin.
        for _ in 0..4 {
            places.pop();
            assert!(place(&throttle).is_none());
        }
        places.pop();
        let mut late = place(&throttle).unwrap();
        assert!(place(&throttle).is_none());
        late.refused();
        assert_eq!(throttle.size(), 2);
    }

    #[test]
    fn it_grows_by_one_for_each_window_that_went_well() {
        let throttle = Throttle::new(4);
        for expected in [2, 1, 1] {
            place(&throttle).unwrap().refused();
            assert_eq!(throttle.size(), expected, "never less than one");
        }
        let mut sizes = Vec::new();
        for _ in 0..12 {
            place(&throttle).unwrap().went_well();
            sizes.push(throttle.size());
        }
        assert_eq!(sizes, [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]);
        let all: Vec<Place> = (0..4).map(|_| place(&throttle).unwrap()).collect();
        assert!(place(&throttle).is_none(), "{all:?}");
    }

    #[test]
    fn growing_makes_up_for_what_was_to_be_taken_back() {
        let throttle = Throttle::new(4);
        let mut places: Vec<Place> = (0..4).map(|_| place(&throttle).unwrap()).collect();
        places[0].refused();
        places[1].went_well();
        places[2].went_well();
        assert_eq!(throttle.size(), 3);
        places.pop();
        assert!(place(&throttle).is_none(), "three are under way, and three may be");
        places.pop();
        assert!(place(&throttle).is_some());
    }

    #[tokio::test]
    async fn who_waits_is_served_in_order_of_arrival() {
        let throttle = Throttle::new(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let held = throttle.enter().await;
        let waiting = (0..20).map(|i| {
            let (throttle, order) = (throttle.clone(), order.clone());
            async move {
                let mut place = throttle.enter().await;
                order.lock().unwrap().push(i);
                if i % 3 == 0 {
                    place.refused();
                } else {
                    place.went_well();
                }
            }
        });
        let all = futures_util::future::join_all(waiting);
        futures_util::future::join(all, async { drop(held) }).await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
