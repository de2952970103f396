//! Payloads recorded against Medusa 2.21.2, and faults.
