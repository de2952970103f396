//! Fresh databases for tests: SQLite always, PostgreSQL where `CONSIGN_TEST_POSTGRES` names a server that may be used for it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Db, Migration};

/// Runs `test` on a fresh, migrated database of each engine at hand.
pub fn on_each_engine(migrations: &[Migration], test: impl Fn(&Db)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let db = Db::open(&format!("sqlite:{}", folder.path().join("test.db").display())).expect("SQLite opens");
    db.migrate(migrations).expect("SQLite migrates");
    test(&db);
    if let Some(postgres) = FreshPostgres::create() {
        let db = Db::open(&postgres.url).expect("PostgreSQL opens");
        db.migrate(migrations).expect("PostgreSQL migrates");
        test(&db);
    }
}

/// A database of its own on the test server, dropped at the end.
pub struct FreshPostgres {
    /// Where it is.
    pub url: String,
    name: String,
    server: String,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl FreshPostgres {
    /// `None` without `CONSIGN_TEST_POSTGRES`.
    pub fn create() -> Option<Self> {
        let server = std::env::var("CONSIGN_TEST_POSTGRES").ok().filter(|url| !url.is_empty())?;
        let name = format!("consign_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut client = postgres::Client::connect(&server, postgres::NoTls).expect("the test server answers");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database can be made on the test server");
        let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base).to_owned();
        Some(FreshPostgres { url: format!("{base}/{name}"), name, server })
    }
}

impl Drop for FreshPostgres {
    fn drop(&mut self) {
        if let Ok(mut client) = postgres::Client::connect(&self.server, postgres::NoTls) {
            let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}
