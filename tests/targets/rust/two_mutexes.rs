// Two threads that take two mutexes in different order.
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

fn transfer(from: &Mutex<i64>, to: &Mutex<i64>, both: &Barrier) {
    let mut from = from.lock().unwrap();
    both.wait();
    let mut to = to.lock().unwrap();
    *from -= 1;
    *to += 1;
}

fn main() {
    let left = Arc::new(Mutex::new(1));
    let right = Arc::new(Mutex::new(1));
    let both = Arc::new(Barrier::new(2));
    let (l, r, b) = (left.clone(), right.clone(), both.clone());
    let one = thread::spawn(move || transfer(&l, &r, &b));
    let two = thread::spawn(move || transfer(&right, &left, &both));
    println!("ready");
    one.join().unwrap();
    two.join().unwrap();
}
