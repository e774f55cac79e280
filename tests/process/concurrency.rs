//! Many processes at once: one renewal, one answer, and no wait without an end.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use mockito::Mock;
use serde_json::Value;

use crate::support::{Answers, HOUR, TENANT, World, entra, hold_lock, started, veeam};

const CROWD: usize = 20;

/// Starts a crowd of `get` at once; what each of them was given.
fn crowd(world: &World, args: &[&str]) -> Vec<Value> {
    let args = [&["get", TENANT, "--interactive", "never", "--timeout", "50s"], args].concat();
    let children: Vec<_> = (0..CROWD)
        .map(|_| {
            let mut command = world.command(&args);
            started(|| command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    outputs
        .map(|output| {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stderr.is_empty());
            serde_json::from_slice(&output.stdout).unwrap()
        })
        .collect()
}

/// Answers so late that the whole crowd is there by then.
fn slowly(call: Mock, document: &Value) -> Mock {
    let text = document.to_string();
    let late = move |body: &mut dyn Write| {
        thread::sleep(Duration::from_millis(500));
        body.write_all(text.as_bytes())
    };
    call.with_chunked_body(late).expect(1).create()
}

#[test]
fn a_crowd_on_an_expired_token_costs_one_renewal() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let refresh = slowly(world.veeam_refresh("1"), &veeam("2"));
    let answers = crowd(&world, &[]);
    refresh.assert();
    assert!(answers.iter().all(|answer| answer["access_token"] == "canary-veeam-access-2"), "{answers:?}");
    let renewals = answers.iter().filter(|answer| answer["source"] == "veeam_refresh").count();
    assert_eq!(renewals, 1);
}

#[test]
fn a_crowd_spends_microsofts_refresh_token_once() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let refresh = slowly(world.entra_refresh("1"), &entra("2"));
    let exchange = slowly(world.exchange(&entra("2")), &veeam("1"));
    let answers = crowd(&world, &[]);
    refresh.assert();
    exchange.assert();
    assert!(answers.iter().all(|answer| answer["access_token"] == "canary-veeam-access-1"), "{answers:?}");
}

#[test]
fn a_held_lock_is_waited_for_within_the_time_allowed() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let silence = world.silence();
    let name = format!("{TENANT}.lock");
    let held = hold_lock(&world, &name);
    let start = Instant::now();
    let error = world.get(&["--timeout", "300ms"]).error("cache");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(30), "{waited:?}");
    let path = world.cache_dir().join(&name);
    let message = format!("another process holds the lock {} and did not release it in time", path.display());
    assert_eq!((&error["message"], &error["tenant"]), (&message.into(), &TENANT.into()));
    silence.assert();
    drop(held);
    assert!(path.exists());
}

#[test]
fn a_token_that_still_lives_beats_a_lock_that_is_held() {
    let mut world = World::new();
    world.store_veeam("1", HOUR - 100);
    let silence = world.silence();
    let _held = hold_lock(&world, &format!("{TENANT}.lock"));
    let outcome = world.get(&["--timeout", "200ms"]);
    assert_eq!((outcome.code, outcome.warnings().len(), outcome.stderr.lines().count()), (0, 1, 1), "{outcome:?}");
    world.assert_token(&outcome, "1", "cache", 100);
    silence.assert();
}

#[test]
fn another_tenants_lock_is_in_nobodys_way() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let _held = hold_lock(&world, "def.onmicrosoft.com.lock");
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn a_server_that_never_answers_is_given_up_within_the_time_allowed() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    world.configure(&format!("server = \"{server}\"\napi_version = \"v8\""));
    world
        .store(&serde_json::json!({ "server": server, "veeam": veeam("1"), "obtained_at": crate::support::ago(HOUR) }));
    let silence = world.silence();
    let start = Instant::now();
    world.get(&["--timeout", "500ms"]).error("unavailable");
    assert!(start.elapsed() < Duration::from_secs(30));
    silence.assert();
}
