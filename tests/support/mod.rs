//! What end-to-end tests need around a database (`offhook_test_database`): callees, carriers, engines, whole installations.
#![allow(dead_code)] // every test file uses its part

pub mod callees;
pub mod carrier;
pub mod cluster;
pub mod engine;
pub mod event_logs;
pub mod installation;
pub mod ports;
pub mod recording;
pub mod sipp;
pub mod site;
pub mod wire;
