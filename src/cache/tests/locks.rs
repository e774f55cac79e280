//! What a lock covers, and how long it is waited for.

use std::cell::Cell;
use std::sync::Mutex;

use super::*;
use crate::host::SystemClock;

/// A clock that lets go of a lock while somebody waits for it.
struct Releasing<L> {
    clock: FakeClock,
    held: Mutex<Option<L>>,
    after: Duration,
}

impl<L: Send> Clock for Releasing<L> {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        if self.clock.elapsed() >= self.after {
            self.held.lock().unwrap().take();
        }
    }
}

#[test]
fn who_comes_second_waits_and_gets_the_lock() {
    let home = Home::new();
    let held = Mutex::new(Some(home.lock().unwrap()));
    let clock = Releasing { clock: FakeClock::default(), held, after: Duration::from_millis(100) };
    home.cache.lock(&abc(), &clock, Deadline::after(&clock, Duration::from_secs(8))).unwrap();
    assert_eq!(clock.elapsed(), Duration::from_millis(100));
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_the_lock() {
    let home = Home::new();
    let _held = home.lock().unwrap();
    let error = home.lock().unwrap_err();
    let path = home.path("abc.com.lock");
    assert_eq!(error.kind(), Kind::Cache);
    assert_eq!(
        error.message(),
        format!("another process holds the lock {} and did not release it in time", path.display())
    );
    assert_eq!(error.hint(), Some("try again; get and login wait longer with --timeout"));
    assert_eq!(home.clock.elapsed(), Duration::from_millis(50));
}

#[test]
fn a_lock_concerns_one_tenant_and_neither_readers_nor_a_sign_in() {
    let home = Home::new();
    home.keep("token");
    let _held = home.lock().unwrap();
    assert_eq!(home.token().as_deref(), Some("token"));
    home.login_lock(&mut || panic!("nobody signs in")).unwrap();
    let other = "other.com".parse().unwrap();
    home.cache.lock(&other, &home.clock, Deadline::after(&home.clock, Duration::ZERO)).unwrap();
    assert_eq!(home.clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_lock_that_is_let_go_can_be_taken_again_and_its_file_stays() {
    let home = Home::new();
    drop(home.lock().unwrap());
    drop(home.lock().unwrap());
    assert_eq!(home.files(), ["abc.com.lock"]);
}

#[test]
fn a_wait_for_another_sign_in_is_told_of_while_it_lasts_and_can_be_ended() {
    let home = Home::new();
    let held = Mutex::new(Some(home.login_lock(&mut || panic!("nobody signs in")).unwrap()));
    let clock = Releasing { clock: FakeClock::default(), held, after: Duration::from_millis(200) };
    let told = Cell::new(0);
    let mut while_held = || {
        told.set(told.get() + 1);
        Ok(())
    };
    let deadline = Deadline::after(&clock, Duration::from_secs(1));
    let _held = home.cache.lock_login(&abc(), &clock, deadline, &mut while_held).unwrap();
    assert_eq!((told.get(), clock.elapsed()), (10, Duration::from_millis(200)));
    let mut enough = || Err(Error::new(Kind::LoginFailed, "enough"));
    assert_eq!(home.login_lock(&mut enough).unwrap_err().message(), "enough");
    assert_eq!(home.clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_sign_in_is_under_way_as_long_as_its_lock_is_held() {
    let home = Home::new();
    let held = home.login_lock(&mut || Ok(())).unwrap();
    assert!(home.cache.is_login_under_way(&abc()));
    assert!(!home.cache.is_login_under_way(&"other.com".parse().unwrap()));
    assert_eq!(home.files(), ["abc.com.login.lock"]);
    drop(held);
    assert!(!home.cache.is_login_under_way(&abc()));
}

#[test]
fn who_was_asked_in_vain_is_remembered_for_the_next_holder() {
    let home = Home::new();
    let mut lock = home.login_lock(&mut || Ok(())).unwrap();
    assert_eq!(lock.asked_at(), None);
    let precise = home.clock.now() + Duration::from_nanos(123_456_789);
    lock.note_asked(precise).unwrap();
    drop(lock);
    let mut lock = home.login_lock(&mut || Ok(())).unwrap();
    assert_eq!(lock.asked_at(), Some(precise));
    // A shorter note leaves nothing of the longer one behind.
    lock.note_asked(home.clock.now()).unwrap();
    assert_eq!(lock.asked_at(), Some(home.clock.now()));
    assert_eq!(lock.asked_at(), Some(home.clock.now()));
    lock.forget_asked().unwrap();
    assert_eq!(lock.asked_at(), None);
}

#[test]
fn a_lock_file_with_something_else_in_it_is_a_lock_all_the_same() {
    let home = Home::new();
    home.cache.dir.ensure().unwrap();
    for content in [&b"\xff\xfe"[..], b"yesterday", &[b'1'; 4096]] {
        fs::write(home.path("abc.com.login.lock"), content).unwrap();
        let mut lock = home.login_lock(&mut || Ok(())).unwrap();
        assert_eq!(lock.asked_at(), None);
        lock.forget_asked().unwrap();
        assert_eq!(fs::read(home.path("abc.com.login.lock")).unwrap(), content);
    }
}

#[test]
fn writers_at_once_lose_nothing_and_readers_never_see_half_a_file() {
    const WRITERS: u16 = 4;
    const WRITES: u16 = 8;
    let home = Home::new();
    let clock = SystemClock::start();
    home.cache.dir.ensure().unwrap();
    let write = |port: u16| {
        let deadline = Deadline::after(&clock, Duration::from_secs(60));
        let mut lock = home.cache.lock(&abc(), &clock, deadline).unwrap();
        let mut entry = lock.read().unwrap().entry;
        let server = format!("https://v:{port}");
        entry.put_veeam(VeeamRecord { server, ..self::entry("t").veeam.remove(0) });
        lock.write(&entry).unwrap();
    };
    std::thread::scope(|scope| {
        for writer in 1..=WRITERS {
            scope.spawn(move || (0..WRITES).for_each(|n| write(writer * 1000 + n)));
        }
        scope.spawn(|| {
            for _ in 0..200 {
                assert_eq!(home.cache.read(&abc()).unwrap().damage, None);
            }
        });
    });
    let found = home.cache.read(&abc()).unwrap();
    assert_eq!(found.entry.veeam.len(), usize::from(WRITERS * WRITES));
}
