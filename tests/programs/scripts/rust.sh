#!/bin/bash
# title: Rust
# packages: rustc cargo
# what: cargo new, build, test and run of a crate without dependencies: threads, channels, TCP, processes, panics
# memory: 4G
set -u
. /programs/lib.sh
export HOME=/tmp CARGO_HOME=/tmp/cargo USER=root && cd /tmp && cargo new --quiet --vcs none app 2>/dev/null && cd app
cat >src/main.rs <<'R'
use std::{io::{Read, Write}, net::*, process::*, sync::{mpsc, Arc, Mutex}, thread, time::Duration};
fn sum(n: u64) -> u64 { let (s, r) = mpsc::channel(); for i in 0..n { let s = s.clone(); thread::spawn(move || s.send(i).unwrap()); } drop(s); r.iter().sum() }
#[test] fn sums() { assert_eq!(sum(50), 1225) }
#[test] #[should_panic] fn panics() { panic!("x") }
fn main() {
    println!("{}", sum(100));
    let l = TcpListener::bind("127.0.0.1:0").unwrap(); let a = l.local_addr().unwrap();
    let h = thread::spawn(move || for c in l.incoming().take(20) { let mut c = c.unwrap(); thread::spawn(move || { let mut v = vec![]; c.read_to_end(&mut v).unwrap(); v.reverse(); c.write_all(&v).unwrap(); }); });
    let hs: Vec<_> = (0..20).map(|i| thread::spawn(move || { let mut c = TcpStream::connect(a).unwrap(); c.write_all(format!("{i}abc").repeat(1000).as_bytes()).unwrap(); c.shutdown(Shutdown::Write).unwrap(); let mut s = String::new(); c.read_to_string(&mut s).unwrap(); s.len() })).collect();
    println!("{}", hs.into_iter().map(|h| h.join().unwrap()).sum::<usize>()); h.join().unwrap();
    println!("{:?}", Command::new("sh").args(["-c", "echo hi; exit 4"]).output().unwrap());
    println!("{:?}", thread::spawn(|| { if true { panic!("caught") } }).join().is_err());
    let m = Arc::new(Mutex::new(0)); let hs: Vec<_> = (0..8).map(|_| { let m = m.clone(); thread::spawn(move || for _ in 0..1000 { *m.lock().unwrap() += 1 }) }).collect(); for h in hs { h.join().unwrap() } println!("{}", m.lock().unwrap());
    thread::sleep(Duration::from_millis(5)); println!("{:?}", std::fs::read("/none").unwrap_err().kind()); std::process::abort();
}
R
cargo build --quiet --offline 2>/dev/null; echo "build $?"
cargo test --quiet --offline 2>/dev/null | sed 's/finished in .*//'
./target/debug/app 2>/dev/null; echo "status $?"
cargo build --release --quiet --offline 2>/dev/null; ./target/release/app 2>/dev/null | head -n 1
