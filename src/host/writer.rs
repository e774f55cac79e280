//! The one thread that writes to the terminal. A terminal takes nothing as long as somebody has stopped it:
//! by Ctrl-S, or on Windows by selecting text. Whoever has something to show waits for that only so long.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a terminal that takes nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried again meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// A text, and where it is told what became of it.
type Order = (String, SyncSender<io::Result<()>>);

/// Writes texts in the order in which they came.
pub(super) struct Writer {
    orders: SyncSender<Order>,
}

impl Writer {
    /// The one of this process, which writes by `write`; `None` if there is no thread for it.
    pub(super) fn of_process(write: fn(&str) -> io::Result<()>) -> Option<&'static Self> {
        static WRITER: OnceLock<Option<Writer>> = OnceLock::new();
        WRITER.get_or_init(|| Self::start(write)).as_ref()
    }

    fn start(write: impl Fn(&str) -> io::Result<()> + Send + 'static) -> Option<Self> {
        // Room for one: what waits longer is with those who know whether it still matters.
        let (orders, taken) = sync_channel::<Order>(1);
        let work = move || taken.iter().for_each(|(text, told)| drop(told.send(write(&text))));
        thread::Builder::new().spawn(work).ok()?;
        Some(Self { orders })
    }

    /// Writes `text`.
    ///
    /// # Errors
    /// `TimedOut` if the terminal takes nothing, and what the system says.
    #[allow(clippy::disallowed_methods, reason = "the terminal's time, not the call's")]
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        let start = Instant::now();
        let mut order = order(text);
        loop {
            match self.orders.try_send(order.0) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if start.elapsed() < PATIENCE => order.0 = back,
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
            thread::sleep(PAUSE);
        }
        let left = PATIENCE.saturating_sub(start.elapsed());
        order.1.recv_timeout(left).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Has `text` written as soon as it can be, and does not wait; `WouldBlock` if too much waits already.
    ///
    /// # Errors
    /// `WouldBlock`.
    pub(super) fn leave(&self, text: &str) -> io::Result<()> {
        self.orders.try_send(order(text).0).map_err(|_| io::ErrorKind::WouldBlock.into())
    }
}

fn order(text: &str) -> (Order, Receiver<io::Result<()>>) {
    let (told, result) = sync_channel(1);
    ((text.to_owned(), told), result)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer to a terminal that takes texts only while it is not held, and what it took.
    fn scene() -> (Writer, Arc<Mutex<()>>, Arc<Mutex<String>>) {
        let (stop, taken): (Arc<Mutex<()>>, Arc<Mutex<String>>) = Default::default();
        let (stopped, takes) = (stop.clone(), taken.clone());
        let writer = Writer::start(move |text| {
            drop(stopped.lock().unwrap());
            takes.lock().unwrap().push_str(text);
            Ok(())
        });
        (writer.unwrap(), stop, taken)
    }

    #[test]
    fn texts_come_in_order_and_are_there_when_that_is_said() {
        let (writer, _, taken) = scene();
        for (index, text) in ["a", "b", "c"].into_iter().enumerate() {
            writer.write(text).unwrap();
            assert_eq!(taken.lock().unwrap().len(), index + 1);
        }
        assert_eq!(*taken.lock().unwrap(), "abc");
    }

    #[test]
    fn a_stopped_terminal_is_not_waited_for_by_what_moves_nor_for_ever_by_words() {
        let (writer, stop, taken) = scene();
        let held = stop.lock().unwrap();
        let left = (0..10).filter(|_| writer.leave("frame").is_ok()).count();
        assert!((1..=2).contains(&left), "{left}");
        assert_eq!(writer.write("words").unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(held);
        writer.write("end").unwrap();
        assert!(taken.lock().unwrap().starts_with("frame") && taken.lock().unwrap().ends_with("end"));
    }

    #[test]
    fn what_the_system_says_is_told() {
        let writer = Writer::start(|_| Err(io::ErrorKind::BrokenPipe.into())).unwrap();
        assert_eq!(writer.write("text").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
