//! Thousands of files are looked at by all processors, where that is faster: each look waits for nobody.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{Builder, available_parallelism, scope};

/// Fewest items that are worth a thread of their own.
const FEWEST: usize = 250;

/// What `look` finds for each of `items`, in their order.
pub(super) fn abreast<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let shares = processors().min(items.len() / FEWEST).max(1);
    let mut shares = items.chunks(items.len().div_ceil(shares).max(1));
    let own = shares.next().unwrap_or_default();
    let look_at = |share: &[T]| share.iter().map(&look).collect::<Vec<R>>();
    scope(|scope| {
        // Where no thread can be had, this one does it.
        let started = shares.map(|share| Builder::new().spawn_scoped(scope, || look_at(share)).map_err(|_| share));
        let started: Vec<_> = started.collect();
        let mut found = look_at(own);
        for share in started {
            found.extend(match share {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(share) => look_at(share),
            });
        }
        found
    })
}

/// How many threads are of use.
fn processors() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_found_keeps_the_order_of_what_was_looked_at() {
        for count in [0, 1, FEWEST, 2 * FEWEST, 10 * FEWEST + 1] {
            let items: Vec<usize> = (0..count).collect();
            let found = abreast(&items, |item| (*item, thread::current().id()));
            assert!(found.iter().map(|(item, _)| *item).eq(0..count), "{count}");
            let threads = found.iter().map(|(_, thread)| thread).collect::<HashSet<_>>().len();
            assert_eq!(threads, (count / FEWEST).clamp(1, processors()).min(count), "{count}");
        }
    }
}
