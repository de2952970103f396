//! One file for each command.

pub mod backup;
pub mod channel;
pub mod demo;
pub mod doctor;
pub mod serve;
pub mod user;
pub mod verify;

/// What a command ends with: nothing, or a sentence for the person at the terminal.
pub type Done = Result<(), String>;
