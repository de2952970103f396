//! The books proved from the outside.
