//! The migrations are compiled in: a new file there means building again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
