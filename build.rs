//! A migration that is added has to be embedded again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
