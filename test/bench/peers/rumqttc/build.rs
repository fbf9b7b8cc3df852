//! The version of rumqttc that Cargo.lock names, for the program to tell.
use std::fs::read_to_string;

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = read_to_string("Cargo.lock").expect("Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains("name = \"rumqttc\"")).expect("rumqttc in Cargo.lock");
    let version = entry.split("version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("its version");
    println!("cargo::rustc-env=RUMQTTC_VERSION={version}");
}
